//! A terminal's screen as an SVG picture: rectangles for backgrounds, text in runs of one look.
//!
//! What is drawn is what an emulator made of the program's real output. Colours that are the terminal's own are those of the frame that
//! is asked for, dark or light.

use std::fmt::Write;

/// A terminal's own colours.
pub(crate) struct Frame {
    pub(crate) background: &'static str,
    pub(crate) foreground: &'static str,
    /// The sixteen.
    pub(crate) colors: [&'static str; 16],
}

pub(crate) const DARK: Frame = Frame {
    background: "#16181d",
    foreground: "#d6d9df",
    colors: [
        "#1d1f24", "#e5736b", "#8fc07a", "#d9b35f", "#6fa3e0", "#c78ad6", "#5fbecb", "#c9ccd3", "#6b7079", "#f2938c",
        "#a9d596", "#ecca80", "#8fbcf0", "#dca8e8", "#82d4df", "#f2f4f7",
    ],
};

pub(crate) const LIGHT: Frame = Frame {
    background: "#fbfaf7",
    foreground: "#24272c",
    colors: [
        "#24272c", "#b3261e", "#2e6b26", "#8a6100", "#1d57b0", "#85309a", "#00697a", "#d9d9d6", "#60666f", "#c9362d",
        "#3c8431", "#a67800", "#2c6bd0", "#9d44b3", "#00808f", "#fbfaf7",
    ],
};

const CELL: (f32, f32) = (8.43, 18.0);
const PADDING: f32 = 14.0;

/// How a run of cells looks.
#[derive(Clone, PartialEq)]
struct Look {
    foreground: String,
    background: Option<String>,
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
}

/// The picture of `screen`.
pub(crate) fn picture(screen: &vt100::Screen, frame: &Frame, title: &str) -> String {
    let (rows, columns) = screen.size();
    let (width, height) = (f32::from(columns) * CELL.0 + 2.0 * PADDING, f32::from(rows) * CELL.1 + 2.0 * PADDING);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.1} {height:.1}\" width=\"{width:.0}\" role=\"img\" aria-label=\"{}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{}\"/>\n\
         <g font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"14\" xml:space=\"preserve\">\n",
        escaped(title),
        frame.background
    );
    for row in 0..rows {
        draw_row(&mut svg, screen, row, columns, frame);
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

fn draw_row(svg: &mut String, screen: &vt100::Screen, row: u16, columns: u16, frame: &Frame) {
    let mut column = 0;
    while column < columns {
        let Some(cell) = screen.cell(row, column) else { break };
        let look = look(cell, frame);
        let start = column;
        let mut text = String::new();
        while let Some(cell) =
            screen.cell(row, column).filter(|cell| self::look(cell, frame) == look && column < columns)
        {
            if !cell.is_wide_continuation() {
                text.push_str(if cell.has_contents() { cell.contents() } else { " " });
            }
            column += 1;
        }
        draw_run(svg, row, start, column, &text, &look);
    }
}

fn draw_run(svg: &mut String, row: u16, start: u16, end: u16, text: &str, look: &Look) {
    let (x, y) = (PADDING + f32::from(start) * CELL.0, PADDING + f32::from(row) * CELL.1);
    let width = f32::from(end - start) * CELL.0;
    if let Some(background) = &look.background {
        let height = CELL.1;
        writeln!(
            svg,
            "<rect x=\"{x:.2}\" y=\"{y:.1}\" width=\"{width:.2}\" height=\"{height}\" fill=\"{background}\"/>"
        )
        .expect("a string takes everything");
    }
    if text.trim().is_empty() {
        return;
    }
    let mut style = String::new();
    for (is_so, attribute) in [
        (look.bold, " font-weight=\"bold\""),
        (look.italic, " font-style=\"italic\""),
        (look.underline, " text-decoration=\"underline\""),
        (look.dim, " opacity=\"0.6\""),
    ] {
        style.push_str(if is_so { attribute } else { "" });
    }
    let baseline = y + 13.5;
    writeln!(
        svg,
        "<text x=\"{x:.2}\" y=\"{baseline:.1}\" textLength=\"{width:.2}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\"{style}>{}</text>",
        look.foreground,
        escaped(text)
    )
    .expect("a string takes everything");
}

fn look(cell: &vt100::Cell, frame: &Frame) -> Look {
    let (mut foreground, mut background) = (color(cell.fgcolor(), frame), color(cell.bgcolor(), frame));
    if cell.inverse() {
        let plain = foreground.unwrap_or_else(|| frame.foreground.to_owned());
        foreground = Some(background.unwrap_or_else(|| frame.background.to_owned()));
        background = Some(plain);
    }
    Look {
        foreground: foreground.unwrap_or_else(|| frame.foreground.to_owned()),
        background,
        bold: cell.bold(),
        dim: cell.dim(),
        italic: cell.italic(),
        underline: cell.underline(),
    }
}

fn color(color: vt100::Color, frame: &Frame) -> Option<String> {
    match color {
        vt100::Color::Default => None,
        vt100::Color::Idx(index @ 0..16) => Some(frame.colors[usize::from(index)].to_owned()),
        vt100::Color::Idx(index) => Some(cube(index)),
        vt100::Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
    }
}

/// xterm's 216 colours and 24 greys.
fn cube(index: u8) -> String {
    if index >= 232 {
        let grey = 8 + 10 * u32::from(index - 232);
        return format!("#{grey:02x}{grey:02x}{grey:02x}");
    }
    let index = u32::from(index - 16);
    let level = |value: u32| if value == 0 { 0 } else { 55 + 40 * value };
    format!("#{:02x}{:02x}{:02x}", level(index / 36), level(index / 6 % 6), level(index % 6))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
