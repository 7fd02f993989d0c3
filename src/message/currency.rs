//! Currencies: how many decimals an amount has and how English writes its code.

/// A code as ISO 4217 spells it; a row may hold anything where a code is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Currency([u8; 3]);

impl Currency {
    /// `None` unless the text is three ASCII letters.
    pub fn parse(code: &str) -> Option<Currency> {
        let bytes: [u8; 3] = code.trim().as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_alphabetic).then(|| Currency(bytes.map(|b| b.to_ascii_uppercase())))
    }

    /// The code in upper case.
    pub fn code(&self) -> String {
        self.0.iter().map(|b| char::from(*b)).collect()
    }

    /// Decimals that an amount is written with (ISO 4217's minor unit).
    pub fn decimals(&self) -> usize {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF" | b"UGX"
            | b"UYI" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            b"CLF" | b"UYW" => 4,
            _ => 2,
        }
    }

    /// What stands before the digits in English (CLDR's symbols for `en`), else the code and a space.
    pub fn prefix(&self) -> String {
        let symbol = match &self.0 {
            b"USD" => "$",
            b"EUR" => "€",
            b"GBP" => "£",
            b"JPY" => "¥",
            b"CNY" => "CN¥",
            b"INR" => "₹",
            b"KRW" => "₩",
            b"ILS" => "₪",
            b"VND" => "₫",
            b"PHP" => "₱",
            b"CAD" => "CA$",
            b"AUD" => "A$",
            b"NZD" => "NZ$",
            b"HKD" => "HK$",
            b"TWD" => "NT$",
            b"BRL" => "R$",
            b"MXN" => "MX$",
            // A no-break space: an amount must not break across lines.
            _ => return format!("{}\u{A0}", self.code()),
        };
        symbol.to_owned()
    }
}
