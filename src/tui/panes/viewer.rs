//! The guest's screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use ratatui::text::Line;
use ratatui::widgets::Widget;

use crate::channel::main::MouseMode;
use crate::term::{Cell, Ink};
use crate::tui::app::App;
use crate::tui::view::Theme;

/// Draws the cells of the picture, and the guest's pointer where the terminal's own does not stand for it.
pub fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    let Some(fit) = app.picture.fit() else {
        return wait(app, area, buf);
    };
    let grid = app.picture.grid();
    // Cells are never negative nor beyond 16 bits: a fit stays inside its pane.
    let cells = fit.cells();
    let (left, top) = (area.x + cells.left as u16, area.y + cells.top as u16);
    for row in 0..grid.rows() {
        for (cell, column) in grid.row(row).iter().zip(left..) {
            if let Some(target) = buf.cell_mut((column, top + row)) {
                put(cell, target);
            }
        }
    }
    if app.mouse_mode.contains(MouseMode::CLIENT) {
        return;
    }
    let pointer = app.picture.pointer().and_then(|at| fit.cell_of(at));
    if let Some((column, row)) = pointer
        && let Some(cell) = buf.cell_mut((area.x + column, area.y + row))
    {
        cell.modifier |= Modifier::REVERSED;
    }
}

/// Makes a cell of the screen out of one of a picture.
pub fn put(cell: &Cell, target: &mut ratatui::buffer::Cell) {
    target.set_char(cell.glyph);
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
