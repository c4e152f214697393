//! Event streams to measure on, of about 512 KiB each; the same on every machine and in every run.

use crate::random::Random;

/// Streams end with the first block that reaches this length, in bytes.
const LENGTH: usize = 512 * 1024;

const HEXADECIMAL: &str = "0123456789abcdef";
const DECIMAL: &str = "0123456789";
/// What needs no escape in JSON, some of it more often, as prose has it.
const PROSE: &str = "eeetttaaoinshrdlucmfwypvbgkqjxz   ,.";
/// What people write that is not ASCII: Chinese, Japanese, Korean, emoji, accented words.
const WORDS: [&str; 20] = [
    "你好",
    "世界",
    "数据流",
    "服务器",
    "事件",
    "こんにちは",
    "サーバー",
    "ありがとう",
    "漢字",
    "안녕하세요",
    "스트림",
    "서버",
    "🦀",
    "🚀✨",
    "👩‍💻",
    "café",
    "naïve",
    "Größe",
    "señor",
    "façade",
];

/// An event stream, and where its blocks end.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// What it is called in the tables.
    pub name: &'static str,
    /// The stream.
    pub stream: Vec<u8>,
    ends: Vec<usize>,
}

impl Corpus {
    /// A language model's answer, one chunk of JSON of about 250 B an event, as chat completions
    /// are streamed, with `[DONE]` at the end.
    #[must_use]
    pub fn a1() -> Self {
        let mut corpus = Self::chat_completion("a1", 1, |random| {
            let length = 1 + random.below(9);
            random.text(length, PROSE)
        });
        corpus.block("data: [DONE]\n\n");
        corpus
    }

    /// A language model's answer as messages are streamed: a type and a JSON delta, about 120 B an
    /// event.
    #[must_use]
    pub fn a2() -> Self {
        Self::generate("a2", 2, |corpus, random| {
            let length = 1 + random.below(9);
            let text = random.text(length, PROSE);
            corpus.block(&format!(
                "event: content_block_delta\n\
                data: {{\"type\":\"content_block_delta\",\"index\":0,\
                \"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
            ));
        })
    }

    /// [`a1`](Self::a1) with words that are not ASCII.
    #[must_use]
    pub fn a3() -> Self {
        let mut corpus = Self::chat_completion("a3", 3, |random| random.one_of(&WORDS).into());
        corpus.block("data: [DONE]\n\n");
        corpus
    }

    /// The smallest events: `data: x`.
    #[must_use]
    pub fn b() -> Self {
        Self::generate("b", 4, |corpus, _| corpus.block("data: x\n\n"))
    }

    /// Events of 20 lines of 60 characters, with CRLF.
    #[must_use]
    pub fn c() -> Self {
        let printable = printable();
        Self::generate("c", 5, |corpus, random| {
            let mut block = String::new();
            for _ in 0..20 {
                block += &format!("data: {}\r\n", random.text(60, &printable));
            }
            corpus.block(&(block + "\r\n"));
        })
    }

    /// Events of one line of 65,536 characters.
    #[must_use]
    pub fn d() -> Self {
        let printable = printable();
        Self::generate("d", 6, |corpus, random| {
            corpus.block(&format!("data: {}\n\n", random.text(65_536, &printable)));
        })
    }

    /// A quiet stream: 49 comments that keep it alive, then a small event.
    #[must_use]
    pub fn e() -> Self {
        Self::generate("e", 7, |corpus, _| {
            for _ in 0..49 {
                corpus.block(": keepalive\n\n");
            }
            corpus.block("data: {\"ok\":true}\n\n");
        })
    }

    /// JSON-RPC answers as MCP servers send them: a type, an id and a JSON result, with both kinds
    /// of line ends.
    #[must_use]
    pub fn f() -> Self {
        let mut request = 0;
        Self::generate("f", 8, |corpus, random| {
            request += 1;
            let (stream, event) = (random.text(8, HEXADECIMAL), random.text(4, DECIMAL));
            let length = 10 + random.below(30);
            let text = random.text(length, PROSE);
            corpus.block(&format!(
                "event: message\nid: {stream}-{event}\n\
                data: {{\"jsonrpc\":\"2.0\",\"id\":{request},\
                \"result\":{{\"content\":[{{\"type\":\"text\",\"text\":\"{text}\"}}]}}}}\r\n\r\n"
            ));
        })
    }

    /// All of them, in the order of the tables.
    #[must_use]
    pub fn all() -> [Self; 8] {
        [Self::a1(), Self::a2(), Self::a3(), Self::b(), Self::c(), Self::d(), Self::e(), Self::f()]
    }

    /// The blocks one by one, as a server would write them.
    pub fn blocks(&self) -> impl Iterator<Item = &[u8]> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.stream[start..end])
    }

    fn chat_completion(
        name: &'static str,
        seed: u64,
        mut content: impl FnMut(&mut Random) -> String,
    ) -> Self {
        let mut random = Random::new(seed);
        let id = random.text(12, HEXADECIMAL);
        let fingerprint = random.text(10, HEXADECIMAL);
        Self::generate(name, seed, |corpus, random| {
            let content = content(random);
            corpus.block(&format!(
                "data: {{\"id\":\"chatcmpl-9aB{id}\",\"object\":\"chat.completion.chunk\",\
                \"created\":1718345013,\"model\":\"gpt-4o-2024-08-06\",\
                \"system_fingerprint\":\"fp_{fingerprint}\",\
                \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{content}\"}},\
                \"logprobs\":null,\"finish_reason\":null}}]}}\n\n"
            ));
        })
    }

    fn generate(
        name: &'static str,
        seed: u64,
        mut append: impl FnMut(&mut Self, &mut Random),
    ) -> Self {
        let mut random = Random::new(seed);
        let mut corpus = Self { name, stream: Vec::new(), ends: Vec::new() };
        while corpus.stream.len() < LENGTH {
            append(&mut corpus, &mut random);
        }
        corpus
    }

    fn block(&mut self, block: &str) {
        self.stream.extend_from_slice(block.as_bytes());
        self.ends.push(self.stream.len());
    }
}

/// The printable characters of ASCII, the space among them.
fn printable() -> String {
    (' '..='~').collect()
}

#[cfg(test)]
mod tests {
    use sansse::{Item, Parser};

    use super::*;

    /// FNV-1a, 64 bits.
    fn checksum(bytes: &[u8]) -> u64 {
        bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        })
    }

    fn events(corpus: &Corpus) -> usize {
        let mut parser = Parser::growing(1 << 20, 128);
        let mut items = parser.feed(&corpus.stream);
        let mut events = 0;
        while let Some(item) = items.next() {
            assert!(matches!(item, Item::Event(_)), "{item:?}");
            events += 1;
        }
        events
    }

    /// A change of these numbers makes all earlier measurements incomparable.
    #[test]
    fn no_corpus_changes() {
        let found = Corpus::all().map(|corpus| {
            (corpus.name, corpus.stream.len(), events(&corpus), checksum(&corpus.stream))
        });
        assert_eq!(
            found,
            [
                ("a1", 524_352, 2_107, 2_156_385_823_654_016_022),
                ("a2", 524_308, 4_369, 18_323_774_202_672_143_191),
                ("a3", 524_498, 2_080, 724_875_241_907_866_442),
                ("b", 524_295, 58_255, 6_334_219_938_882_438_861),
                ("c", 524_370, 385, 8_688_336_663_374_506_619),
                ("d", 524_352, 8, 393_822_577_768_303_683),
                ("e", 524_800, 800, 13_981_787_023_681_631_013),
                ("f", 524_410, 3_654, 6_149_259_418_400_402_761),
            ]
        );
    }

    #[test]
    fn blocks_are_the_stream() {
        for corpus in Corpus::all() {
            assert_eq!(corpus.blocks().collect::<Vec<_>>().concat(), corpus.stream);
            assert!(
                corpus
                    .blocks()
                    .all(|block| block.ends_with(b"\n\n") || block.ends_with(b"\r\n\r\n"))
            );
        }
    }
}
