//! What a lane's posts come to: what is missing, what came twice, and in which order.

use crate::feed::ROWS;
use crate::receiver::{Post, Receiver};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

/// See the module's text.
#[derive(Debug)]
pub struct Verdict {
    pub changes: usize,
    pub lost: Vec<usize>,
    /// Posts of what was posted before.
    pub repeats: usize,
    /// Accepted and not answered.
    pub dropped: usize,
    /// First posts of a change after a later one of its row.
    pub disorder: Vec<usize>,
    /// Posts of what was never written, or never committed.
    pub ghosts: usize,
    refused: usize,
}

impl Verdict {
    /// Of the changes below `changes`, each posted singly.
    pub fn of(receiver: &Receiver, changes: usize) -> Self {
        let posts = receiver.posts();
        let (mut seen, mut last) = (HashSet::new(), HashMap::new());
        let (mut repeats, mut ghosts, mut disorder) = (0, 0, Vec::new());
        for told in posts.iter().filter_map(|post| post.told) {
            if told >= changes {
                ghosts += 1;
            } else if !seen.insert(told) {
                repeats += 1;
            } else if last.insert(told % ROWS, told).is_some_and(|before| before > told) {
                disorder.push(told);
            }
        }
        Self {
            changes,
            lost: (0..changes).filter(|change| !seen.contains(change)).collect(),
            repeats,
            dropped: posts.iter().filter(|post| post.dropped).count(),
            disorder,
            ghosts,
            refused: receiver.refused(),
        }
    }

    /// Nothing lost, nothing out of order, and no more repeats than answers were dropped, and so many.
    pub fn hold(&self, more: usize) {
        assert!(self.lost.is_empty(), "{} lost: {:?}", self.lost.len(), self.lost);
        assert!(self.disorder.is_empty(), "told after a later change of their row: {:?}", self.disorder);
        assert_eq!(self.ghosts, 0, "posts of changes that are not there");
        assert!(self.repeats <= self.dropped + more, "{} repeats, at most {} + {more}", self.repeats, self.dropped);
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { changes, lost, repeats, dropped, disorder, ghosts: _, refused } = self;
        write!(
            f,
            "{changes} changes, {} lost, {repeats} repeats ({dropped} answers dropped, {refused} requests refused), {} breaks of order",
            lost.len(),
            disorder.len()
        )
    }
}

/// Waits until every change below `changes` was told.
pub fn wait_all(receiver: &Receiver, changes: usize, patience: Duration) {
    // Told so far, kept from look to look: a look at everything each time would take the machine.
    let state = std::cell::RefCell::new((0, HashSet::new()));
    receiver.wait(patience, |posts: &[Post]| {
        let (looked, told) = &mut *state.borrow_mut();
        told.extend(posts[*looked..].iter().filter_map(|post| post.told).filter(|told| *told < changes));
        *looked = posts.len();
        told.len() == changes
    });
}
