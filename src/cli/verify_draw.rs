//! `stanchion verify-draw` recomputes a draw from what its room published, without a server or a configuration.

use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::PathBuf;

use serde::Deserialize;

use super::{CommandFailure, Done};
use crate::facts::draw::{Seed, list_digest};
use crate::facts::ids::VisitorId;

/// Longest input read, bytes: two million visitors.
const INPUT_MAX: u64 = 64 << 20;

#[derive(clap::Args)]
pub struct VerifyDrawArguments {
    /// What the room published after its opening (JSON); - reads standard input.
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// The commitment as it was noted before the opening.
    #[arg(long, value_name = "HEX", value_parser = bytes)]
    commitment: Option<Bytes>,
    /// Print only this visitor's rank.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    visitor: Option<String>,
}

/// The answer of `GET /v1/events/{event}/room/draw`, as far as the draw depends on it.
#[derive(Deserialize)]
struct PublishedDraw {
    commitment: Option<Bytes>,
    list_digest: Bytes,
    seed: Bytes,
    visitors: Vec<VisitorId>,
}

/// 32 bytes, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Bytes([u8; 32]);

impl TryFrom<String> for Bytes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        bytes(&text)
    }
}

fn bytes(text: &str) -> Result<Bytes, String> {
    let decoded = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    decoded.map(Bytes).ok_or_else(|| "64 hexadecimal digits are expected".to_owned())
}

/// The result of a draw: each visitor with the number drawn, by rank.
struct RankedVisitors<'a>(Vec<(i64, &'a VisitorId)>);

pub fn run(arguments: &VerifyDrawArguments) -> Done {
    let told = read(arguments)?;
    let seed = Seed::new(told.seed.0);
    check(&told, &seed, arguments.commitment)?;
    let ranks = RankedVisitors::of(&told.visitors, &seed);
    let out = BufWriter::new(io::stdout().lock());
    let printed = match &arguments.visitor {
        Some(visitor) => ranks.print_one(out, &VisitorId::from(visitor.as_str()))?,
        None => ranks.print(out),
    };
    match printed {
        // The reader closed the pipe: it has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        printed => printed.map_err(super::work)?,
    }
    if arguments.commitment.is_none() {
        eprintln!(
            "The draw fits the commitment that came with it. Was that the one told before the opening? \
             --commitment HEX compares with the one you noted."
        );
    }
    Ok(())
}

fn read(arguments: &VerifyDrawArguments) -> Result<PublishedDraw, CommandFailure> {
    let from = arguments.file.display();
    let unreadable = |error: io::Error| CommandFailure::Usage(format!("{from} cannot be read: {error}"));
    let input: Box<dyn Read> = match arguments.file.to_str() {
        Some("-") => Box::new(io::stdin().lock()),
        _ => Box::new(std::fs::File::open(&arguments.file).map_err(unreadable)?),
    };
    let mut text = Vec::new();
    input.take(INPUT_MAX + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > INPUT_MAX {
        return Err(CommandFailure::Usage(format!("{from} is longer than {INPUT_MAX} bytes")));
    }
    let told: PublishedDraw =
        serde_json::from_slice(&text).map_err(|error| CommandFailure::Usage(format!("{from} is no draw: {error}")))?;
    // If an id could have a line feed in it, two different lists could have the same text, and so the same digest.
    let odd = |id: &&VisitorId| id.as_str().is_empty() || !id.as_str().bytes().all(|b| b.is_ascii_graphic());
    match told.visitors.iter().find(odd) {
        Some(id) => Err(CommandFailure::Usage(format!("{from} is no draw: {:?} is no visitor's id", id.as_str()))),
        None => Ok(told),
    }
}

fn check(told: &PublishedDraw, seed: &Seed, noted: Option<Bytes>) -> Done {
    let wrong = |text: &str| Err(CommandFailure::Work(text.to_owned()));
    let committed = seed.commitment();
    if let (Some(told), Some(noted)) = (told.commitment, noted)
        && told != noted
    {
        return wrong("the commitment that came with the draw is not the one noted before");
    }
    let commitment = noted.or(told.commitment);
    if commitment.is_some_and(|commitment| hex::encode(commitment.0) != committed) {
        return wrong("the seed is not the one committed to");
    }
    if let Some(pair) = told.visitors.windows(2).find(|pair| pair[0] >= pair[1]) {
        let [first, second] = [&pair[0], &pair[1]];
        let what = if first == second {
            format!("visitor {first} is in the list twice")
        } else {
            format!("the list is not sorted: {first} stands before {second}")
        };
        return Err(CommandFailure::Work(what));
    }
    if list_digest(&told.visitors) != hex::encode(told.list_digest.0) {
        return wrong("the list of visitors is not the one its digest was made of");
    }
    match commitment {
        Some(_) => Ok(()),
        None => wrong(
            "the list fits its digest, but nothing was compared with a commitment, and so nothing is proved: \
             give the one noted before the opening by --commitment HEX",
        ),
    }
}

impl<'a> RankedVisitors<'a> {
    fn of(sorted: &'a [VisitorId], seed: &Seed) -> Self {
        let mut ranks: Vec<_> = sorted.iter().map(|visitor| (seed.draw(visitor), visitor)).collect();
        ranks.sort_unstable();
        Self(ranks)
    }

    fn print(&self, mut out: impl Write) -> io::Result<()> {
        for (rank, (draw, visitor)) in (1..).zip(&self.0) {
            let rank: usize = rank;
            writeln!(out, "{rank} {draw} {visitor}")?;
        }
        out.flush()
    }

    fn print_one(&self, mut out: impl Write, wanted: &VisitorId) -> Result<io::Result<()>, CommandFailure> {
        let Some(at) = self.0.iter().position(|(_, visitor)| *visitor == wanted) else {
            return Err(CommandFailure::Work(format!("{wanted} did not take part")));
        };
        Ok(writeln!(out, "{} {} {wanted}\nof {}", at + 1, self.0[at].0, self.0.len()).and_then(|()| out.flush()))
    }
}
