//! The line parser: chunks in, lines out to the interpreter.

use core::ops::Range;

use crate::field::Field;
use crate::interpreter::{Interpreter, NotPlain};
use crate::line::{CR, LF, LONG};
use crate::line_ends::LineEnds;
use crate::lines::Lines;
use crate::ready::Ready;
use crate::storage::Storage;
use crate::whole_block::{self, Fields};

const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// Splits a stream into lines ("Parsing an event stream", HTML standard, 9.2.5), whichever way it is
/// cut into chunks.
///
/// There are three ways, from the fastest to the most general: blocks that lie in a chunk as a whole,
/// lines that do, and pieces of lines. Machines without vectors have the last two.
#[derive(Clone, Debug)]
pub(crate) struct LineParser<E, I> {
    pub(crate) interpreter: Interpreter<E, I>,
    line: Line,
    /// A CR ended the last chunk: a LF that follows belongs to it.
    after_cr: bool,
}

/// How far into a line the stream has come.
#[derive(Clone, Copy, Debug)]
enum Line {
    /// In the byte order mark that may lead the stream; so many bytes of it have come.
    ByteOrderMark(u8),
    /// At the start of a block.
    Block,
    /// At the start of another line of a block.
    Start,
    /// In what has so far been the name of this field; so many bytes of it have come.
    Name(Field, u8),
    /// Right behind the colon, where one space is dropped.
    Colon(Field),
    Value(Field),
    /// In a line that says nothing.
    Ignored,
    /// In one before the first line of a block that says something.
    IgnoredBeforeBlock,
}

/// How far whole blocks could be read.
enum Left {
    /// To an event.
    Event(Ready),
    /// To the end of the chunk.
    ChunkEnd,
    /// To another item, or into a block that has to be read line by line.
    InBlock(Option<Ready>),
}

impl<E: Storage, I: Storage> LineParser<E, I> {
    pub(crate) const fn new(event_storage: E, id_storage: I) -> Self {
        Self {
            interpreter: Interpreter::new(event_storage, id_storage),
            line: Line::ByteOrderMark(0),
            after_cr: false,
        }
    }

    /// Ends the stream. Returns whether it was between two blocks.
    pub(crate) fn end(&mut self) -> bool {
        let between_lines = matches!(self.line, Line::ByteOrderMark(0) | Line::Block | Line::Start);
        let is_clean = between_lines && !self.interpreter.is_in_block();
        self.interpreter.discard_block();
        self.line = Line::ByteOrderMark(0);
        self.after_cr = false;
        is_clean
    }

    /// Reads on, to the next item or to the end of the chunk, where nothing refers to the chunk any
    /// more.
    #[inline(always)]
    pub(crate) fn step(&mut self, chunk: &[u8], lines: &mut Lines) -> Option<Ready> {
        if !LineEnds::CHEAP {
            return self.rest_of_block(chunk, lines);
        }
        let second = lines.position() + 1;
        if second >= chunk.len() {
            return if second > chunk.len() { None } else { self.last_byte(chunk, lines) };
        }
        loop {
            if matches!(self.line, Line::Block) && !self.after_cr {
                match self.whole_blocks(chunk, lines) {
                    Left::Event(ready) => return Some(ready),
                    Left::ChunkEnd => {
                        lines.skip_to(chunk.len());
                        return None;
                    }
                    Left::InBlock(None) => {}
                    Left::InBlock(ready) => return ready,
                }
            }
            let ready = self.within_block(chunk, lines);
            if ready.is_some() || lines.position() >= chunk.len() {
                return ready;
            }
        }
    }

    /// Reads blocks that lie in the chunk as a whole, as most do, to the first event.
    #[inline(always)]
    fn whole_blocks(&mut self, chunk: &[u8], place: &mut Lines) -> Left {
        // A copy, so that it is kept in registers.
        let mut lines = *place;
        let mut fields = Fields::NONE;
        let line = 'left: loop {
            let Some(mut line) = lines.next(chunk, &mut self.after_cr) else { break None };
            if line.is_empty() {
                continue;
            }
            let start = line.start;
            // The two most frequent kinds of block go straight through: one line of data,
            if let Some(value) = whole_block::data_of(chunk, &line) {
                self.interpreter.whole_data(value);
                fields.add(Fields::DATA);
                match lines.next(chunk, &mut self.after_cr) {
                    Some(next) => line = next,
                    None => break None,
                }
                if line.is_empty() && self.interpreter.fits(line.start - start) {
                    *place = lines;
                    return Left::Event(Ready::Data);
                }
            } else if chunk[start] == b':' && !self.interpreter.keep_comments {
                continue;
            } else if let Some(value) = whole_block::type_of(chunk, &line) {
                // and the same behind a type.
                self.interpreter.whole_type(value);
                fields.add(Fields::EVENT);
                match lines.next(chunk, &mut self.after_cr) {
                    Some(next) => line = next,
                    None => break None,
                }
                if let Some(value) = whole_block::data_of(chunk, &line) {
                    self.interpreter.whole_data(value);
                    fields.add(Fields::DATA);
                    match lines.next(chunk, &mut self.after_cr) {
                        Some(next) => line = next,
                        None => break None,
                    }
                    if line.is_empty() && self.interpreter.fits(line.start - start) {
                        *place = lines;
                        return Left::Event(Ready::Typed);
                    }
                }
            }
            while !line.is_empty() {
                let Some((field, value)) = whole_block::field_of(chunk, &line) else {
                    break 'left Some(line);
                };
                if fields.has(field) || !self.interpreter.whole_field(chunk, field, value) {
                    break 'left Some(line);
                }
                fields.add(field);
                match lines.next(chunk, &mut self.after_cr) {
                    Some(next) => line = next,
                    None => break 'left None,
                }
            }
            match self.interpreter.end_whole_block(chunk, fields, line.start - start) {
                Ok(Some(ready)) => {
                    *place = lines;
                    return Left::Event(ready);
                }
                Ok(None) => fields = Fields::NONE,
                Err(NotPlain) => break Some(line),
            }
        };
        *place = lines;
        let Some(line) = line else {
            if fields == Fields::NONE {
                match chunk.get(place.position()) {
                    None => return Left::ChunkEnd,
                    Some(b':') if !self.interpreter.keep_comments => {
                        self.line = Line::IgnoredBeforeBlock;
                        return Left::ChunkEnd;
                    }
                    Some(_) => {}
                }
            }
            self.cut_whole_block(chunk, fields, place.position());
            return Left::ChunkEnd;
        };
        self.leave_whole_blocks(chunk, fields, line)
    }

    /// The end of the chunk cuts a block, all lines of which it has as a whole but the last.
    #[inline(never)]
    fn cut_whole_block(&mut self, chunk: &[u8], fields: Fields, start: usize) {
        self.line = Line::Start;
        self.interpreter.begin(chunk, fields);
        self.cut_line(chunk, start);
    }

    /// Goes on line by line.
    #[inline(never)]
    fn leave_whole_blocks(&mut self, chunk: &[u8], fields: Fields, line: Range<usize>) -> Left {
        self.line = Line::Start;
        self.interpreter.begin(chunk, fields);
        Left::InBlock(self.whole_line(chunk, line))
    }

    /// Reads on, within a block. (A function of its own, as the next one is, so that short chunks are
    /// slowed by no more than a comparison.)
    #[inline(never)]
    fn within_block(&mut self, chunk: &[u8], lines: &mut Lines) -> Option<Ready> {
        if chunk.len() >= LONG {
            self.in_long_chunk(chunk, lines)
        } else {
            self.rest_of_block(chunk, lines)
        }
    }

    /// The same in a long chunk, which is first looked at as a whole: a long line of data may fill it.
    #[inline(never)]
    fn in_long_chunk(&mut self, chunk: &[u8], lines: &mut Lines) -> Option<Ready> {
        if matches!(self.line, Line::Value(Field::Data))
            && lines.position() == 0
            && self.interpreter.join_long_data(chunk)
        {
            lines.skip_to(chunk.len());
            return None;
        }
        self.rest_of_block(chunk, lines)
    }

    /// Reads line by line: to the first item, to the end of the block, or to the end of the chunk.
    #[inline(never)]
    fn rest_of_block(&mut self, chunk: &[u8], lines: &mut Lines) -> Option<Ready> {
        let start = lines.position();
        if let (true, Some(&first)) = (self.after_cr, chunk.get(start)) {
            self.after_cr = false;
            if first == LF {
                lines.skip_to(start + 1);
            }
        }
        if let Line::ByteOrderMark(_) = self.line {
            self.byte_order_mark(chunk, lines);
        }
        let mut here = *lines;
        // What small chunks mostly hold: a piece of data.
        if LineEnds::CHEAP && matches!(self.line, Line::Value(Field::Data)) {
            let start = here.position();
            let line = here.next(chunk, &mut self.after_cr);
            let piece = line.unwrap_or(start..chunk.len());
            let end = piece.end;
            self.interpreter.push_data(chunk, piece);
            if here.position() <= end {
                lines.skip_to(end);
                return None;
            }
            self.line = Line::Start;
        }
        let ready = 'lines: loop {
            let start = here.position();
            let Some(mut line) = here.next(chunk, &mut self.after_cr) else {
                here.skip_to(chunk.len());
                self.cut_line(chunk, start);
                break None;
            };
            let ready = match self.line {
                Line::Start | Line::Block => {
                    if LineEnds::CHEAP
                        && let Some(mut value) = whole_block::data_of(chunk, &line)
                        && let Some(mut joined) = self.interpreter.joined_data()
                    {
                        while joined.line(chunk, value) {
                            match here.next(chunk, &mut self.after_cr) {
                                Some(next) => line = next,
                                None => continue 'lines,
                            }
                            match whole_block::data_of(chunk, &line) {
                                Some(next) => value = next,
                                None => break,
                            }
                        }
                    }
                    self.whole_line(chunk, line)
                }
                Line::IgnoredBeforeBlock => {
                    self.line = Line::Block;
                    None
                }
                _ => self.last_piece(chunk, line),
            };
            if ready.is_some() || (LineEnds::CHEAP && matches!(self.line, Line::Block)) {
                break ready;
            }
        };
        *lines = here;
        ready
    }

    /// A line that the end of the chunk cuts.
    #[inline(always)]
    fn cut_line(&mut self, chunk: &[u8], start: usize) {
        self.interpreter.settle(chunk);
        let piece = start..chunk.len();
        if LineEnds::CHEAP
            && let Line::Start | Line::Block = self.line
            && let Some((field, value)) = whole_block::field_of(chunk, &piece)
        {
            self.open(field.field());
            if field == Fields::DATA {
                self.interpreter.push_data(chunk, value);
            } else {
                self.interpreter.push(field.field(), &chunk[value]);
            }
            return;
        }
        self.piece(&chunk[piece]);
    }

    /// The last byte of a chunk, which is often the only one where chunks are small.
    #[inline(never)]
    fn last_byte(&mut self, chunk: &[u8], lines: &mut Lines) -> Option<Ready> {
        if let Line::ByteOrderMark(_) = self.line {
            self.byte_order_mark(chunk, lines);
        }
        let &byte = chunk.get(lines.position())?;
        lines.skip_to(chunk.len());
        let after_cr = core::mem::take(&mut self.after_cr);
        if byte == LF || byte == CR {
            if after_cr && byte == LF {
                return None;
            }
            self.after_cr = byte == CR;
            return self.end_line();
        }
        match self.line {
            Line::Ignored | Line::IgnoredBeforeBlock => {}
            Line::Value(Field::Data) => self.interpreter.push_data_byte(byte),
            _ => self.piece(&[byte]),
        }
        None
    }

    /// The byte order mark that may lead the stream.
    fn byte_order_mark(&mut self, chunk: &[u8], lines: &mut Lines) {
        let mut position = lines.position();
        while let (Line::ByteOrderMark(seen), Some(&byte)) = (self.line, chunk.get(position)) {
            if byte == BOM[usize::from(seen)] {
                position += 1;
                self.line = if seen == 2 { Line::Block } else { Line::ByteOrderMark(seen + 1) };
            } else {
                // What has come of the mark is the name of an unknown field.
                self.line = if seen == 0 { Line::Block } else { Line::Ignored };
            }
        }
        lines.skip_to(position);
    }

    /// A line that lies in the chunk as a whole, without its end.
    #[inline(always)]
    fn whole_line(&mut self, chunk: &[u8], line: Range<usize>) -> Option<Ready> {
        let ready = if LineEnds::CHEAP {
            if line.is_empty() {
                self.line = Line::Block;
                return self.interpreter.end_block();
            }
            self.line = Line::Start;
            self.interpreter.whole_line(chunk, line)
        } else if let [b'd', b'a', b't', b'a', rest @ ..] = &chunk[line.clone()]
            && let [] | [b':', ..] = rest
        {
            let colon = usize::from(!rest.is_empty());
            let space = usize::from(rest.get(1) == Some(&b' '));
            self.interpreter.data_line(chunk, line.start + 4 + colon + space..line.end);
            None
        } else {
            return self.last_piece(chunk, line);
        };
        if ready.is_some() {
            // The caller may leave the chunk at this item, in the middle of the block.
            self.interpreter.settle(chunk);
        }
        ready
    }

    /// The last piece of a line, or all of it.
    fn last_piece(&mut self, chunk: &[u8], line: Range<usize>) -> Option<Ready> {
        self.piece(&chunk[line]);
        let ready = self.end_line();
        if ready.is_some() {
            self.interpreter.settle(chunk);
        }
        ready
    }

    /// A piece of a line that does not lie in one chunk as a whole.
    fn piece(&mut self, mut piece: &[u8]) {
        if let (Line::ByteOrderMark(_) | Line::Block | Line::Start, Some((&first, rest))) =
            (self.line, piece.split_first())
        {
            piece = rest;
            match Field::starting_with(first) {
                Some(Field::Comment) if self.interpreter.keep_comments => {
                    self.open(Field::Comment);
                }
                Some(Field::Comment) | None => self.line = Line::Ignored,
                Some(field) => self.line = Line::Name(field, 1),
            }
        }
        if let Line::Name(field, mut seen) = self.line {
            let name = field.name();
            self.line = loop {
                let Some((first, rest)) = piece.split_first() else {
                    break Line::Name(field, seen);
                };
                piece = rest;
                match name.get(usize::from(seen)) {
                    Some(expected) if expected == first => seen += 1,
                    None if *first == b':' => break Line::Colon(field),
                    _ => break Line::Ignored,
                }
            };
        }
        if let (Line::Colon(field), Some(&first)) = (self.line, piece.first()) {
            self.open(field);
            piece = &piece[usize::from(first == b' ')..];
        }
        if let Line::Value(field) = self.line {
            self.interpreter.push(field, piece);
        }
    }

    /// The end of a line that came in pieces.
    fn end_line(&mut self) -> Option<Ready> {
        match core::mem::replace(&mut self.line, Line::Start) {
            Line::Block | Line::Start => {
                self.line = Line::Block;
                self.interpreter.end_block()
            }
            Line::Name(field, seen) if usize::from(seen) == field.name().len() => {
                self.interpreter.open(field);
                self.interpreter.close(field)
            }
            Line::Colon(field) => {
                self.interpreter.open(field);
                self.interpreter.close(field)
            }
            Line::Value(field) => self.interpreter.close(field),
            Line::IgnoredBeforeBlock => {
                self.line = Line::Block;
                None
            }
            Line::Name(..) | Line::Ignored | Line::ByteOrderMark(_) => None,
        }
    }

    fn open(&mut self, field: Field) {
        self.line = Line::Value(field);
        self.interpreter.open(field);
    }
}
