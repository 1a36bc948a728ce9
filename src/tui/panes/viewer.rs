//! The guest's screen.

use ratatui::buffer::{Buffer, CellDiffOption};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use ratatui::text::Line;
use ratatui::widgets::Widget;

use crate::geometry::{Point, Rect as Part};
use crate::term::{Cell, Fit, Ink, cells};
use crate::tui::app::App;
use crate::tui::view::Theme;

/// Draws the cells of the picture, and the guest's pointer as one that stands out.
pub fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    let Some(fit) = app.picture.fit() else {
        return wait(app, area, buf);
    };
    if app.draws_pixels() {
        return leave(fit, area, buf);
    }
    let grid = app.picture.grid();
    // Cells are never negative nor beyond 16 bits: a fit stays inside its pane.
    let place = fit.cells();
    let (left, top) = (area.x + place.left as u16, area.y + place.top as u16);
    for row in 0..grid.rows() {
        for (cell, column) in grid.row(row).iter().zip(left..) {
            if let Some(target) = buf.cell_mut((column, top + row)) {
                put(cell, target);
            }
        }
    }
    let Some((column, row)) = app.pointer_at().and_then(|at| fit.cell_of(at)) else {
        return;
    };
    let cell = grid.row(row - place.top as u16);
    if let Some(cell) = cell.get(usize::from(column - place.left as u16))
        && let Some(target) = buf.cell_mut((area.x + column, area.y + row))
    {
        match cells::inverted(*cell) {
            Some(inverted) => put(&inverted, target),
            None => target.modifier |= Modifier::REVERSED,
        }
    }
}

/// Leaves the cells of the picture to the painter of pixels.
fn leave(fit: &Fit, area: Rect, buf: &mut Buffer) {
    let cells = fit.cells();
    for row in cells.top..cells.bottom {
        for column in cells.left..cells.right {
            if let Some(cell) = buf.cell_mut((area.x + column as u16, area.y + row as u16)) {
                cell.set_diff_option(CellDiffOption::Skip);
            }
        }
    }
}

/// Outlines a part of the picture, in pixels, as far as it is shown. Pictures of pixels are left to their painter.
pub fn outline(app: &App, part: Part, area: Rect, buf: &mut Buffer) {
    let Some(fit) = app.picture.fit().filter(|_| !app.draws_pixels()) else {
        return;
    };
    let shown = fit.shown();
    let part = part.intersect(shown);
    if part.is_empty() {
        return;
    }
    let corners = [
        fit.cell_of(Point::new(part.left, part.top)),
        fit.cell_of(Point::new(part.right - 1, part.bottom - 1)),
    ];
    let [Some((left, top)), Some((right, bottom))] = corners else {
        return;
    };
    let border = Theme::of(app).border();
    for row in top..=bottom {
        for column in left..=right {
            let (is_top, is_bottom) = (row == top, row == bottom);
            let (is_left, is_right) = (column == left, column == right);
            let symbol = match (is_top, is_bottom, is_left, is_right) {
                (true, _, true, _) => border.top_left,
                (true, _, _, true) => border.top_right,
                (_, true, true, _) => border.bottom_left,
                (_, true, _, true) => border.bottom_right,
                (true, ..) | (_, true, ..) => border.horizontal_top,
                (_, _, true, _) | (_, _, _, true) => border.vertical_left,
                _ => continue,
            };
            if let Some(cell) = buf.cell_mut((area.x + column, area.y + row)) {
                cell.set_symbol(symbol);
                (cell.fg, cell.bg) = (Color::Reset, Color::Reset);
                cell.modifier |= Modifier::REVERSED;
            }
        }
    }
}

/// Makes a cell of the screen out of one of a picture.
pub fn put(cell: &Cell, target: &mut ratatui::buffer::Cell) {
    // Most cells of a desktop are blank, and a fresh screen is.
    if cell.glyph != ' ' || target.symbol() != " " {
        target.set_char(cell.glyph);
    }
    target.fg = colour(cell.fore);
    target.bg = colour(cell.back);
}

fn colour(ink: Ink) -> Color {
    match ink {
        Ink::Default => Color::Reset,
        Ink::Rgb(r, g, b) => Color::Rgb(r, g, b),
        Ink::Indexed(n) => Color::Indexed(n),
    }
}

fn wait(app: &App, area: Rect, buf: &mut Buffer) {
    let text = "no picture yet";
    let middle = Rect {
        y: area.y + area.height / 2,
        height: area.height.min(1),
        ..area
    };
    Line::styled(text, Theme::of(app).dim())
        .centered()
        .render(middle, buf);
}
