//! What the answers of providers to all calls have in common.

use crate::payment::{AskOutcome, Charged, ReturnAsked, Returned, Unresolved};

pub(super) trait CallAnswer {
    fn unknown(unresolved: Unresolved) -> Self;
    fn unresolved(&self) -> Option<&Unresolved>;
    /// For a metric.
    fn label(&self) -> &'static str;
}

impl CallAnswer for Charged {
    fn unknown(unresolved: Unresolved) -> Self {
        Charged::Unknown(unresolved)
    }

    fn unresolved(&self) -> Option<&Unresolved> {
        if let Charged::Unknown(unresolved) = self { Some(unresolved) } else { None }
    }

    fn label(&self) -> &'static str {
        match self {
            Charged::Captured => "captured",
            Charged::Awaiting(_) => "awaiting",
            Charged::Declined { .. } => "declined",
            Charged::Unknown(_) => "unknown",
        }
    }
}

impl CallAnswer for AskOutcome {
    fn unknown(unresolved: Unresolved) -> Self {
        AskOutcome::Unknown(unresolved)
    }

    fn unresolved(&self) -> Option<&Unresolved> {
        if let AskOutcome::Unknown(unresolved) = self { Some(unresolved) } else { None }
    }

    fn label(&self) -> &'static str {
        match self {
            AskOutcome::Captured => "captured",
            AskOutcome::Awaiting(_) => "awaiting",
            AskOutcome::Declined { .. } => "declined",
            AskOutcome::NotDone => "not_done",
            AskOutcome::Unknown(_) => "unknown",
        }
    }
}

impl CallAnswer for Returned {
    fn unknown(unresolved: Unresolved) -> Self {
        Returned::Unknown(unresolved)
    }

    fn unresolved(&self) -> Option<&Unresolved> {
        if let Returned::Unknown(unresolved) = self { Some(unresolved) } else { None }
    }

    fn label(&self) -> &'static str {
        match self {
            Returned::Done => "done",
            Returned::Refused { .. } => "refused",
            Returned::WrongAccount { .. } => "wrong_account",
            Returned::Unknown(_) => "unknown",
        }
    }
}

impl CallAnswer for ReturnAsked {
    fn unknown(unresolved: Unresolved) -> Self {
        ReturnAsked::Unknown(unresolved)
    }

    fn unresolved(&self) -> Option<&Unresolved> {
        if let ReturnAsked::Unknown(unresolved) = self { Some(unresolved) } else { None }
    }

    fn label(&self) -> &'static str {
        match self {
            ReturnAsked::Done => "done",
            ReturnAsked::Refused { .. } => "refused",
            ReturnAsked::WrongAccount { .. } => "wrong_account",
            ReturnAsked::NotDone => "not_done",
            ReturnAsked::Unknown(_) => "unknown",
        }
    }
}
