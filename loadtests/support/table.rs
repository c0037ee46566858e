//! Figures in a table: smallest, middle and largest.

/// Smallest, middle and largest of some figures.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    pub min: f64,
    pub median: f64,
    pub max: f64,
}

impl Spread {
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        assert!(!figures.is_empty(), "of something");
        figures.sort_by(f64::total_cmp);
        Self { min: figures[0], median: figures[figures.len() / 2], max: figures[figures.len() - 1] }
    }

    fn cells(self, digits: usize) -> String {
        let cell = |figure: f64| grouped(figure, digits);
        format!("{:>10} {:>10} {:>10}", cell(self.min), cell(self.median), cell(self.max))
    }
}

/// Prints the head of a table of spreads.
pub fn head(title: &str) {
    println!("\n{title:<44} {:>10} {:>10} {:>10}", "min", "median", "max");
}

/// Prints a row, its figures with this many digits behind the point.
pub fn row(what: &str, figures: impl IntoIterator<Item = f64>, digits: usize) {
    println!("{what:<44} {}", Spread::of(figures).cells(digits));
}

/// `12,345.6`
pub fn grouped(figure: f64, digits: usize) -> String {
    let text = format!("{figure:.digits$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 && !grouped.ends_with('-') && digit.is_ascii_digit() {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}
