//! The terminal: drawn anew every second, left as it was found.
//!
//! Must never: return, or panic, and leave the terminal in another state than it was in.

use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::time::Instant;

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{self, Event, KeyCode, KeyModifiers};
use crossterm::style::Print;
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};
use crossterm::{execute, queue};

use super::{Looks, Order, PERIOD};

const KEYS: &str = "b bytes  c commits  g groups  r refusals  q quit";

/// Shows the table until somebody has seen enough.
pub(super) fn watch(admin: SocketAddr, mut order: Order) -> Result<(), String> {
    let mut looks = Looks::default();
    // What is wrong with the address is told where it stays.
    looks.look(admin)?;
    let terminal = Terminal::take().map_err(|error| format!("the terminal: {error}"))?;
    let (mut trouble, mut next) = (None, Instant::now());
    loop {
        if Instant::now() >= next {
            trouble = looks.look(admin).err();
            next = Instant::now().checked_add(PERIOD).unwrap_or(next);
        }
        terminal.draw(&looks, order, trouble.as_deref()).map_err(|error| format!("the terminal: {error}"))?;
        let pressed = key(next.saturating_duration_since(Instant::now())).map_err(|error| error.to_string())?;
        match pressed {
            Some('b') => order = Order::Bytes,
            Some('c') => order = Order::Commits,
            Some('g') => order = Order::Groups,
            Some('r') => order = Order::Refusals,
            Some('q') => return Ok(()),
            _ => {}
        }
    }
}

/// The key that is pressed within a time, if one is. Ctrl-C and Esc are `q`.
fn key(within: std::time::Duration) -> std::io::Result<Option<char>> {
    if !event::poll(within)? {
        return Ok(None);
    }
    let Event::Key(key) = event::read()? else { return Ok(None) };
    Ok(match key.code {
        KeyCode::Esc => Some('q'),
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Some('q'),
        KeyCode::Char(pressed) => Some(pressed),
        _ => None,
    })
}

/// A terminal of one's own, given back when it is dropped.
struct Terminal;

impl Terminal {
    fn take() -> std::io::Result<Self> {
        enable_raw_mode()?;
        let taken = Self;
        execute!(stdout(), EnterAlternateScreen, Hide)?;
        Ok(taken)
    }

    fn draw(&self, looks: &Looks, order: Order, trouble: Option<&str>) -> std::io::Result<()> {
        let (width, height) = size()?;
        let (width, height) = (usize::from(width), usize::from(height));
        let last = trouble.unwrap_or(KEYS);
        let last: String = last.chars().filter(|next| !next.is_control()).take(width).collect();
        let table = looks.table(order).lines(width, height.saturating_sub(1));
        let mut out = stdout().lock();
        queue!(out, MoveTo(0, 0))?;
        for line in table {
            queue!(out, Print(line), Clear(ClearType::UntilNewLine), Print("\r\n"))?;
        }
        queue!(
            out,
            Clear(ClearType::FromCursorDown),
            MoveTo(0, u16::try_from(height.saturating_sub(1)).unwrap_or(u16::MAX)),
            Print(last)
        )?;
        out.flush()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = execute!(stdout(), Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
    }
}
