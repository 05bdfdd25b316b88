//! What a run has left no tags on, and what it has found there once more: the run's still, or somebody else's by now.
//!
//! A conductor that has stood still, or has died and comes back by its journal, may find that another one has put its run back
//! meanwhile. That one has taken the tags away, and at last the signs of life. Where both are missing, a value of the run's is one
//! that somebody has given the service since.

use conductor_core::ports::{FailureKind, PortError};
use conductor_core::run::RunId;

use crate::change::{Write, refuse_theirs};
use crate::marker::{self, Holder};
use crate::place::Place;
use crate::service::Service;
use crate::signs::Sign;
use crate::writer::Writer;

impl Writer {
    /// Refuses what would take a value away that is not the run's any more.
    pub(crate) async fn keep_theirs(
        &self,
        place: &Place,
        live: &Service,
        holder: &Holder,
        write: &Write,
    ) -> Result<(), PortError> {
        let has_tags = marker::holder(&live.tags).is_some_and(|found| found.run == holder.run);
        if has_tags || !self.was_put_back(place, &holder.run).await? {
            return Ok(());
        }
        let act = format!("could not change {place}");
        refuse_theirs(live, holder, write).map_err(|theirs| PortError::because(FailureKind::Rejected, act, theirs))
    }

    /// Whether somebody else has put a run back, as far as a place without its tags is concerned.
    pub(crate) async fn was_put_back(&self, place: &Place, run: &RunId) -> Result<bool, PortError> {
        if self.life.is_over() {
            return Ok(true);
        }
        // What comes late after its own end is the run's.
        if self.life.has_ended() {
            return Ok(false);
        }
        Ok(Sign::look(&self.reader, &place.cluster, run).await?.is_none_or(|sign| sign.is_over))
    }
}
