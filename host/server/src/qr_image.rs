//! A QR code as a picture: dark on light with the quiet zone that scanners need.

use png::{BitDepth, ColorType, Encoder};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use switchboard_core::problem::Problem;

/// Pixels along the side of one module, so that a phone can read it from a screen without zooming.
const SCALE: usize = 8;
/// Light modules on each side: ISO/IEC 18004 asks for four.
const QUIET: usize = 4;

/// As a PNG with one bit per pixel.
///
/// # Errors
/// `internal` when the text does not fit into a QR code.
pub(crate) fn png(text: &str) -> Result<Vec<u8>, Problem> {
    let code = code(text)?;
    let (modules, colors) = (code.width(), code.to_colors());
    let side = (modules + 2 * QUIET) * SCALE;
    let row_bytes = side.div_ceil(8);
    let mut pixels = vec![0xff; row_bytes * side];
    for (at, _) in colors
        .iter()
        .enumerate()
        .filter(|(_, color)| **color == qrcode::Color::Dark)
    {
        let (left, top) = ((at % modules + QUIET) * SCALE, (at / modules + QUIET) * SCALE);
        for y in top..top + SCALE {
            for x in left..left + SCALE {
                pixels[y * row_bytes + x / 8] &= !(0x80 >> (x % 8));
            }
        }
    }
    let mut image = Vec::new();
    let side = u32::try_from(side).map_err(Problem::internal)?;
    let mut encoder = Encoder::new(&mut image, side, side);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(&pixels))
        .map_err(Problem::internal)?;
    Ok(image)
}

/// As an SVG.
///
/// # Errors
/// As [`png`].
pub(crate) fn svg(text: &str) -> Result<String, Problem> {
    let side = u32::try_from(SCALE).map_err(Problem::internal)?;
    Ok(code(text)?
        .render::<svg::Color<'_>>()
        .module_dimensions(side, side)
        .build())
}

fn code(text: &str) -> Result<QrCode, Problem> {
    QrCode::with_error_correction_level(text, EcLevel::M).map_err(Problem::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "2@AbCdEf0123456789/+=,key1,key2,key3,1";

    #[test]
    fn the_png_shows_every_module_of_the_code_inside_a_light_frame() {
        let image = png(TEXT).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(image)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let code = code(TEXT).unwrap();
        assert_eq!(info.width as usize, (code.width() + 2 * QUIET) * SCALE);
        let dark = |x: usize, y: usize| pixels[y * info.line_size + x / 8] & (0x80 >> (x % 8)) == 0;
        for y in 0..code.width() + 2 * QUIET {
            for x in 0..code.width() + 2 * QUIET {
                let module = |at: usize| at.checked_sub(QUIET).filter(|at| *at < code.width());
                let expected = match (module(x), module(y)) {
                    (Some(x), Some(y)) => code[(x, y)] == qrcode::Color::Dark,
                    _ => false,
                };
                assert_eq!(
                    dark(x * SCALE + SCALE / 2, y * SCALE + SCALE / 2),
                    expected,
                    "module {x}, {y}"
                );
            }
        }
    }

    #[test]
    fn the_svg_is_as_wide_as_the_png() {
        let side = (code(TEXT).unwrap().width() + 2 * QUIET) * SCALE;
        let image = svg(TEXT).unwrap();
        assert!(
            image.contains("<svg") && image.contains(&format!("width=\"{side}\"")),
            "{image}"
        );
    }

    #[test]
    fn a_text_beyond_any_code_is_a_problem_and_not_a_panic() {
        assert!(png(&"x".repeat(10_000)).is_err() && svg(&"x".repeat(10_000)).is_err());
    }
}
