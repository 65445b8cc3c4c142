//! Who may do what, and how much: pure, without IO or a clock.
