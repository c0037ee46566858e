//! A picture of curves over time, as SVG: panels one below the other.

use std::fmt::Write as _;

/// A stretch of time that is shaded in every panel.
pub struct Band {
    pub from: f64,
    pub to: f64,
    pub text: &'static str,
}

pub struct Panel {
    pub title: &'static str,
    pub curves: Vec<Curve>,
}

pub struct Curve {
    pub name: &'static str,
    pub colour: &'static str,
    pub dashed: bool,
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 920.0;
const HEIGHT: f64 = 300.0;
/// Margins around a panel's axes.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 24.0;
const ABOVE: f64 = 62.0;
const BELOW: f64 = 44.0;

/// The time axis of all panels: from 0 to `until`, in a unit such as "s".
pub struct Time {
    pub until: f64,
    pub unit: &'static str,
}

/// Draws the picture. The band is in all panels.
pub fn svg(panels: &[Panel], band: Option<&Band>, time: &Time) -> String {
    let height = HEIGHT * panels.len() as f64;
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"#222\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"
    );
    for (n, panel) in panels.iter().enumerate() {
        draw(&mut svg, panel, band, time, HEIGHT * n as f64);
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw(svg: &mut String, panel: &Panel, band: Option<&Band>, time: &Time, top: f64) {
    let most = panel.curves.iter().flat_map(|curve| &curve.points).map(|(_, y)| *y).fold(0.0, f64::max);
    let step = step(most);
    let ceiling = (most / step).ceil().max(1.0) * step;
    let (right, bottom, upper) = (WIDTH - RIGHT, top + HEIGHT - BELOW, top + ABOVE);
    let x = |at: f64| LEFT + (right - LEFT) * (at / time.until).clamp(0.0, 1.0);
    let y = |value: f64| bottom - (bottom - upper) * value / ceiling;

    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"{}\" font-weight=\"600\" font-size=\"15\">{}</text>",
        top + 24.0,
        panel.title
    );
    let mut at = LEFT;
    for curve in &panel.curves {
        let (line, dash) = (top + 43.0, dash(curve));
        let _ = writeln!(
            svg,
            "<line x1=\"{at}\" y1=\"{line}\" x2=\"{}\" y2=\"{line}\" stroke=\"{}\" stroke-width=\"2.5\"{dash}/>\
             <text x=\"{}\" y=\"{}\">{}</text>",
            at + 26.0,
            curve.colour,
            at + 32.0,
            line + 4.0,
            curve.name
        );
        at += 50.0 + 7.0 * curve.name.len() as f64;
    }
    if let Some(band) = band {
        let _ = writeln!(
            svg,
            "<rect x=\"{}\" y=\"{upper}\" width=\"{}\" height=\"{}\" fill=\"#f4ead2\"/>\
             <text x=\"{}\" y=\"{}\" fill=\"#7a5c12\" font-size=\"12\">{}</text>",
            x(band.from),
            x(band.to) - x(band.from),
            bottom - upper,
            x(band.from) + 6.0,
            upper + 15.0,
            band.text
        );
    }
    let mut value = 0.0;
    while value <= ceiling * 1.0001 {
        let (line, digits) = (y(value), usize::from(step < 1.0));
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" y1=\"{line:.1}\" x2=\"{right}\" y2=\"{line:.1}\" stroke=\"#d8d8d8\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value:.digits$}</text>",
            LEFT - 8.0,
            line + 4.0
        );
        value += step;
    }
    let (apart, mut at) = (self::step(time.until), 0.0);
    while at <= time.until {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{at} {}</text>",
            x(at),
            bottom + 20.0,
            time.unit
        );
        at += apart;
    }
    for curve in &panel.curves {
        let points = curve.points.iter().fold(String::new(), |mut text, (at, value)| {
            let _ = write!(text, "{:.1},{:.1} ", x(*at), y(*value));
            text
        });
        let dash = dash(curve);
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\" stroke-linejoin=\"round\"{dash}/>",
            points.trim_end(),
            curve.colour
        );
    }
}

fn dash(curve: &Curve) -> &'static str {
    if curve.dashed { " stroke-dasharray=\"6 4\"" } else { "" }
}

/// The distance between two lines of the grid: 1, 2 or 5 times a power of ten, and at most six steps up to `most`.
fn step(most: f64) -> f64 {
    let power = 10_f64.powf((most.max(1e-9) / 6.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * power).find(|step| most / step <= 6.0).unwrap_or(power * 10.0)
}
