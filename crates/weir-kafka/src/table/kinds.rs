//! What a row of the table may say of an API.

/// Who answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Weir, from what it knows.
    Local,
    /// The broker, if anything is left of the request once it is judged.
    Forward,
    /// Weir, with a refusal.
    Deny,
}

/// What becomes of a broker's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseMode {
    /// There is none: Weir answers.
    None,
    /// Walked whole, and passed as it is.
    Inspect,
    /// Walked whole, changed and encoded anew.
    Rewrite,
    /// Checked piece by piece as it streams.
    Stream,
}

/// How long a broker may take to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// The fixed time of the limits.
    Fixed,
    /// The request's own longest wait, and some slack.
    MaxWait,
    /// The group's rebalance time-out, and some slack.
    Rebalance,
}

/// Which limit a request frame has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameClass {
    /// That of any request.
    Request,
    /// That of what a group member says of itself.
    Group,
    /// That of the smallest requests.
    Small,
}
