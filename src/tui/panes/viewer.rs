//! The guest's screen.

use ratatui::buffer::{Buffer, CellDiffOption};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use ratatui::text::Line;
use ratatui::widgets::Widget;

use crate::geometry::{Point, Rect as Part};
use crate::term::{Cell, Ink, cells};
use crate::tui::app::App;
use crate::tui::cell_writer::{Backdrop, skip};
use crate::tui::view::Theme;

/// Leaves the cells of the picture to what is below text, and draws the guest's pointer on a picture of cells, as one that stands
/// out.
pub fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    let Some(fit) = app.picture.fit() else {
        return wait(app, area, buf);
    };
    // Cells are never negative nor beyond 16 bits: a fit stays inside its pane.
    let place = fit.cells();
    skip(
        buf,
        Rect {
            x: area.x + place.left as u16,
            y: area.y + place.top as u16,
            width: place.width() as u16,
            height: place.height() as u16,
        },
    );
    if app.draws_pixels() {
        return;
    }
    let Some((column, row)) = app.pointer_at().and_then(|at| fit.cell_of(at)) else {
        return;
    };
    let cell = app.picture.grid().row(row - place.top as u16);
    if let Some(cell) = cell.get(usize::from(column - place.left as u16))
        && let Some(target) = buf.cell_mut((area.x + column, area.y + row))
    {
        match cells::inverted(*cell) {
            Some(inverted) => put(&inverted, target),
            None => {
                put(cell, target);
                target.modifier |= Modifier::REVERSED;
            }
        }
    }
}

/// The picture of cells below the text of a frame, in the area that the layout has for it; `None` where there is none.
pub fn backdrop(app: &App, area: Rect) -> Option<Backdrop<'_>> {
    let is_shown = !app.draws_pixels() && !app.tabs.is_shown();
    let place = app.picture.fit().filter(|_| is_shown)?.cells();
    Some(Backdrop {
        grid: app.picture.grid(),
        // As in `draw`.
        at: (area.x + place.left as u16, area.y + place.top as u16),
    })
}

/// Draws a picture of cells where nothing else is.
pub fn fill(picture: Backdrop<'_>, buf: &mut Buffer) {
    let (left, top) = picture.at;
    for row in 0..picture.grid.rows() {
        for (cell, column) in picture.grid.row(row).iter().zip(left..) {
            let target = buf.cell_mut((column, top + row));
            let target = target.filter(|target| target.diff_option == CellDiffOption::Skip);
            target.into_iter().for_each(|target| put(cell, target));
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
                cell.set_symbol(symbol)
                    .set_diff_option(CellDiffOption::None);
                (cell.fg, cell.bg) = (Color::Reset, Color::Reset);
                cell.modifier |= Modifier::REVERSED;
            }
        }
    }
}

/// Draws the crosshair around the cell that shows a pixel. Pictures of pixels are left to their painter.
pub fn crosshair(app: &App, at: Point, area: Rect, buf: &mut Buffer) {
    /// How far it reaches.
    const ARM: i32 = 2;
    let fit = app.picture.fit().filter(|_| !app.draws_pixels());
    let Some((column, row)) = fit.and_then(|fit| fit.cell_of(at)) else {
        return;
    };
    let border = Theme::of(app).border();
    let middle = (i32::from(area.x + column), i32::from(area.y + row));
    let mut put = |dx: i32, dy: i32, symbol: &str| {
        let (Ok(x), Ok(y)) = (u16::try_from(middle.0 + dx), u16::try_from(middle.1 + dy)) else {
            return;
        };
        if let Some(cell) = buf
            .cell_mut((x, y))
            .filter(|_| area.contains((x, y).into()))
        {
            cell.set_symbol(symbol)
                .set_diff_option(CellDiffOption::None);
            (cell.fg, cell.bg) = (Color::Reset, Color::Reset);
            cell.modifier |= Modifier::REVERSED;
        }
    };
    for by in (-ARM..=ARM).filter(|by| *by != 0) {
        put(by * 2, 0, border.horizontal_top);
        put(by * 2 - by.signum(), 0, border.horizontal_top);
        put(0, by, border.vertical_left);
    }
    put(0, 0, "+");
}

/// Makes a cell of text out of one of a picture.
fn put(cell: &Cell, target: &mut ratatui::buffer::Cell) {
    target.set_char(cell.glyph);
    target.set_diff_option(CellDiffOption::None);
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
