//! A provider's settlement file: CSV with a row of headings.

use std::collections::BTreeMap;
use std::io::Read;

/// Which headings the file has for what is read of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// The provider's name of the payment.
    pub payment: String,
    /// What was captured, or, below zero, given back. Minor units; a thousands separator is survived.
    pub amount: String,
}

impl Default for Columns {
    fn default() -> Self {
        Self { payment: "payment".into(), amount: "amount".into() }
    }
}

impl Columns {
    /// Reads `payment=…,amount=…`; either may be left out.
    pub fn parse(text: &str) -> Result<Self, FileFault> {
        let mut columns = Self::default();
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            match part.split_once('=').map(|(name, heading)| (name.trim(), heading.trim())) {
                Some(("payment", heading)) => columns.payment = heading.to_owned(),
                Some(("amount", heading)) => columns.amount = heading.to_owned(),
                Some(_) | None => return Err(FileFault::Columns(part.trim().to_owned())),
            }
        }
        Ok(columns)
    }
}

/// What a file says of one payment. Minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FilePayment {
    pub captured: i64,
    pub returned: i64,
}

/// Why a file cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    #[error("{0:?} is no column: payment=HEADING or amount=HEADING")]
    Columns(String),
    #[error("the file has no column {wanted:?}; it has {has:?}. Name its columns: payment=HEADING,amount=HEADING")]
    NoColumn { wanted: String, has: Vec<String> },
    #[error("line {line}: {text:?} is no amount")]
    Amount { line: u64, text: String },
    #[error("line {line}: no payment is named")]
    NoPayment { line: u64 },
    #[error("the file is no CSV")]
    Csv(#[from] csv::Error),
}

/// The payments of a file, by their name at the provider.
pub fn read_file(file: impl Read, columns: &Columns) -> Result<BTreeMap<String, FilePayment>, FileFault> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let headings = reader.headers()?.clone();
    let find = |wanted: &str| {
        // The first heading of a file for spreadsheets may begin with a byte order mark.
        let found = headings.iter().position(|heading| heading.trim_start_matches('\u{feff}') == wanted);
        found.ok_or_else(|| FileFault::NoColumn {
            wanted: wanted.to_owned(),
            has: headings.iter().map(str::to_owned).collect(),
        })
    };
    let (payment, amount) = (find(&columns.payment)?, find(&columns.amount)?);
    let mut found: BTreeMap<String, FilePayment> = BTreeMap::new();
    for row in reader.records() {
        let row = row?;
        let line = row.position().map_or(0, csv::Position::line);
        let cell = |at: usize| row.get(at).unwrap_or_default();
        if cell(payment).is_empty() {
            return Err(FileFault::NoPayment { line });
        }
        let text = cell(amount).replace(',', "");
        let amount: i64 = text.parse().map_err(|_| FileFault::Amount { line, text: cell(amount).to_owned() })?;
        let booked = found.entry(cell(payment).to_owned()).or_default();
        match amount {
            0.. => booked.captured += amount,
            _ => booked.returned -= amount,
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, columns: &str) -> Result<BTreeMap<String, FilePayment>, FileFault> {
        read_file(text.as_bytes(), &Columns::parse(columns)?)
    }

    #[test]
    fn rows_of_one_payment_are_summed() {
        let text = "\u{feff}결제키,금액,수수료\nk1,\"55,000\",1650\nk2,1000,30\nk1,-5000,0\nk1,-1000,0\n";
        let found = read(text, "payment=결제키, amount=금액").expect("a file");
        assert_eq!(found["k1"], FilePayment { captured: 55_000, returned: 6_000 });
        assert_eq!(found["k2"], FilePayment { captured: 1_000, returned: 0 });
        assert_eq!(read("payment,amount\nk,7\n", "").expect("a file")["k"].captured, 7);
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (text, columns, says) in [
            ("a,b\n", "", "the file has no column \"payment\"; it has [\"a\", \"b\"]"),
            ("payment,amount\nk,1\nk,x\n", "", "line 3: \"x\" is no amount"),
            ("payment,amount\nk,1.5\n", "", "line 2: \"1.5\" is no amount"),
            ("payment,amount\n,1\n", "", "line 2: no payment is named"),
            ("payment,amount\nk\n", "", "the file is no CSV"),
            ("", "fee=x", "\"fee=x\" is no column"),
        ] {
            let fault = read(text, columns).expect_err("a fault").to_string();
            assert!(fault.starts_with(says), "{fault}");
        }
    }
}
