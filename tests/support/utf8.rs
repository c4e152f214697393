//! "UTF-8 decode without BOM", step by step as the Encoding Standard has it ("UTF-8 decoder").

/// Decodes bytes; each maximal subpart of an ill-formed sequence becomes one U+FFFD.
///
/// # Panics
///
/// Never: the decoder makes only scalar values.
#[must_use]
pub fn decode(bytes: &[u8]) -> String {
    let mut output = String::new();
    let mut code_point: u32 = 0;
    let mut bytes_seen = 0;
    let mut bytes_needed = 0;
    let (mut lower_boundary, mut upper_boundary) = (0x80, 0xBF);
    let mut position = 0;
    loop {
        let Some(&byte) = bytes.get(position) else {
            if bytes_needed != 0 {
                output.push(char::REPLACEMENT_CHARACTER);
            }
            return output;
        };
        position += 1;
        if bytes_needed == 0 {
            match byte {
                0x00..=0x7F => output.push(char::from(byte)),
                0xC2..=0xDF => {
                    bytes_needed = 1;
                    code_point = u32::from(byte & 0x1F);
                }
                0xE0..=0xEF => {
                    if byte == 0xE0 {
                        lower_boundary = 0xA0;
                    }
                    if byte == 0xED {
                        upper_boundary = 0x9F;
                    }
                    bytes_needed = 2;
                    code_point = u32::from(byte & 0xF);
                }
                0xF0..=0xF4 => {
                    if byte == 0xF0 {
                        lower_boundary = 0x90;
                    }
                    if byte == 0xF4 {
                        upper_boundary = 0x8F;
                    }
                    bytes_needed = 3;
                    code_point = u32::from(byte & 0x7);
                }
                _ => output.push(char::REPLACEMENT_CHARACTER),
            }
            continue;
        }
        if !(lower_boundary..=upper_boundary).contains(&byte) {
            (code_point, bytes_needed, bytes_seen) = (0, 0, 0);
            (lower_boundary, upper_boundary) = (0x80, 0xBF);
            // The byte is not part of the sequence: it is read again.
            position -= 1;
            output.push(char::REPLACEMENT_CHARACTER);
            continue;
        }
        (lower_boundary, upper_boundary) = (0x80, 0xBF);
        code_point = (code_point << 6) | u32::from(byte & 0x3F);
        bytes_seen += 1;
        if bytes_seen == bytes_needed {
            output.push(char::from_u32(code_point).expect("a scalar value"));
            (code_point, bytes_needed, bytes_seen) = (0, 0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_standard_library_has_it() {
        let interesting: [u8; 20] = [
            0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1,
            0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5,
        ];
        let mut count = 0;
        for a in interesting {
            for b in interesting {
                for c in interesting {
                    for d in interesting {
                        let bytes = [a, b, c, d];
                        assert_eq!(decode(&bytes), String::from_utf8_lossy(&bytes), "{bytes:x?}");
                        count += 1;
                    }
                }
            }
        }
        assert_eq!(count, 160_000);
    }
}
