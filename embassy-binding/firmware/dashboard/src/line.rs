//! Text that is put together without the formatting machinery, which would take some KiB of flash.

use heapless::String;

/// The data of an event: one line of JSON.
#[derive(Clone, Debug)]
pub struct Line(String<160>);

impl Line {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(String::new())
    }

    /// Text as it is. What does not fit is left out.
    #[inline(never)]
    pub fn text(&mut self, text: &str) -> &mut Self {
        let _ = self.0.push_str(text);
        self
    }

    /// A number, with so many of its digits behind the point.
    #[inline(never)]
    pub fn number(&mut self, mut number: u32, decimals: usize) -> &mut Self {
        // Ten digits and a point.
        let mut text = [b'0'; 11];
        let mut places = text.iter_mut().rev();
        let mut written = 0;
        for count in 0..10 {
            if count > decimals && number == 0 {
                break;
            }
            if count == decimals
                && count > 0
                && let Some(place) = places.next()
            {
                *place = b'.';
                written += 1;
            }
            if let Some(place) = places.next() {
                *place += (number % 10) as u8;
                written += 1;
            }
            number /= 10;
        }
        for &byte in text.iter().skip(text.len() - written) {
            let _ = self.0.push(char::from(byte));
        }
        self
    }

    /// All of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Line {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (number, decimals, expected) in [
            (0, 0, "0"),
            (7, 0, "7"),
            (120, 0, "120"),
            (u32::MAX, 0, "4294967295"),
            (0, 2, "0.00"),
            (7, 2, "0.07"),
            (2153, 2, "21.53"),
            (100, 1, "10.0"),
            (u32::MAX, 1, "429496729.5"),
        ] {
            assert_eq!(Line::new().number(number, decimals).as_str(), expected);
        }
    }
}
