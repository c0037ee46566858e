//! Amounts as providers write them: JSON numbers, with or without decimals, in the unit that people use.

use iso_currency::Currency;
use serde_json::Number;

/// How many minor units one unit has.
fn units(currency: &str) -> i64 {
    let decimals = Currency::from_code(currency).and_then(|known| known.exponent()).unwrap_or(2);
    10_i64.pow(u32::from(decimals))
}

/// Minor units as a number in units.
pub(super) fn in_units(minor: i64, currency: &str) -> Number {
    let units = units(currency);
    if minor % units == 0 {
        return (minor / units).into();
    }
    // Amounts stay below 10^12, so that the nearest double has the right decimals.
    Number::from_f64(minor as f64 / units as f64).expect("a finite number")
}

/// A number in units as minor units. `None`: it has more decimals than the currency.
pub(super) fn in_minor(number: &Number, currency: &str) -> Option<i64> {
    let units = units(currency);
    if let Some(whole) = number.as_i64() {
        return whole.checked_mul(units);
    }
    let minor = number.as_f64()? * units as f64;
    let whole = minor.round();
    ((minor - whole).abs() < 1e-3 && whole.abs() < 1e15).then_some(whole as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        serde_json::from_str(text).expect("a number")
    }

    #[test]
    fn a_number_may_have_the_decimals_of_its_currency() {
        for (text, currency, minor) in [
            ("1000", "KRW", Some(1_000)),
            ("1000.0", "KRW", Some(1_000)),
            ("1000.5", "KRW", None),
            ("10.5", "USD", Some(1_050)),
            ("19.99", "USD", Some(1_999)),
            ("19.999", "USD", None),
            ("1.234", "KWD", Some(1_234)),
            ("1e30", "USD", None),
        ] {
            assert_eq!(in_minor(&number(text), currency), minor, "{text} {currency}");
        }
    }

    #[test]
    fn what_is_sent_is_read_back() {
        for currency in ["KRW", "USD", "KWD"] {
            for minor in [0, 1, 99, 100, 101, 1_999, 999_999_999_999] {
                assert_eq!(in_minor(&in_units(minor, currency), currency), Some(minor), "{minor} {currency}");
            }
        }
    }
}
