//! What a program takes of flash and RAM.

use std::error::Error;
use std::path::Path;

use emulate::Emulator;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionFlags, SectionKind};

/// Where RAM begins, and its bytes.
const RAM: u32 = 0x2000_0000;
const RAM_SIZE: u32 = 64 << 10;
/// What the stack is painted with before the program begins.
const PAINT: u32 = 0xcccc_cccc;

/// A program, as the linker has laid it out. All is in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Image {
    /// Code, constants, and what variables begin with.
    pub(super) flash: u32,
    /// Variables.
    pub(super) ram: u32,
    /// What the stack may have.
    pub(super) stack: u32,
    stack_end: u32,
}

impl Image {
    pub(super) fn read(program: &Path) -> Result<Self, Box<dyn Error>> {
        let bytes = std::fs::read(program)?;
        let file = object::File::parse(&*bytes)?;
        let symbol = |name| {
            let symbol = file.symbol_by_name(name).ok_or_else(|| format!("there is no {name}"))?;
            u32::try_from(symbol.address()).map_err(Box::<dyn Error>::from)
        };
        let (stack_start, stack_end) = (symbol("_stack_start")?, symbol("_stack_end")?);
        let (mut flash, mut ram) = (0, 0);
        for section in file.sections() {
            let SectionFlags::Elf { sh_flags, .. } = section.flags() else { continue };
            if sh_flags.0 & object::elf::SHF_ALLOC.0 == 0 {
                continue;
            }
            let size = u32::try_from(section.size())?;
            if section.kind() != SectionKind::UninitializedData {
                flash += size;
            }
            if section.address() >= u64::from(RAM) {
                ram += size;
            }
        }
        Ok(Self { flash, ram, stack: stack_start - stack_end, stack_end })
    }

    /// RAM that is neither a variable's nor the stack's.
    pub(super) fn spare(&self) -> u32 {
        RAM_SIZE.saturating_sub(self.ram + self.stack)
    }

    /// Bytes of the stack that have been used, at most, since the program began.
    pub(super) fn stack_used(&self, board: &mut Emulator) -> Result<u32, Box<dyn Error>> {
        let words = board.memory(self.stack_end, usize::try_from(self.stack / 4)?)?;
        let untouched = words.iter().take_while(|&&word| word == PAINT).count();
        if untouched == 0 {
            return Err("the stack has been used up".into());
        }
        Ok(self.stack - 4 * u32::try_from(untouched)?)
    }
}
