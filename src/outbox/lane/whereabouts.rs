//! Which notice or digest of a lane settles a group.

use super::{Lane, State};
use crate::ledger::Group;
use crate::outbox::content::Content;
use crate::outbox::notice::PostId;
use crate::outbox::whereabouts::{Many, Single};
use crate::outbox::{Digest, Post};

impl<C: Content> Lane<C> {
    /// The single notice of a group, if there is one.
    pub(in crate::outbox) fn single(&self, group: Group) -> Option<Single> {
        let item = self.items.get(&PostId::of(group))?;
        let Post::One(notice) = &item.post else { return None };
        Some(Single {
            first: *notice.offsets.start(),
            changes: notice.changes,
            attempts: notice.attempts,
            in_flight: matches!(item.state, State::InFlight(_)),
            behind: item.state == State::Behind,
        })
    }

    /// The digest that a group is part of, if it is.
    pub(in crate::outbox) fn digest_of(&self, group: Group) -> Option<Many> {
        let id = PostId::of(group);
        let many = |digest: &Digest<C>, own: PostId, in_flight: bool| {
            let shown = digest.has_line(id);
            let of_it = shown || own == id;
            of_it.then(|| Many { changes: digest.changes(), attempts: digest.attempts(), in_flight, shown })
        };
        let open = self.storms.iter().filter_map(|storm| storm.open.as_ref());
        let closed = self.items.iter().filter_map(|(own, item)| match &item.post {
            Post::Many(digest) => many(digest, *own, matches!(item.state, State::InFlight(_))),
            Post::One(_) => None,
        });
        open.filter_map(|open| many(&open.digest, open.id, false)).chain(closed).next()
    }
}
