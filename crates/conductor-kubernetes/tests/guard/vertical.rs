//! VerticalPodAutoscalers do not evict pods of a run, and are afterwards what they were.

mod deaths;
mod drifts;
mod modes;
mod scene;
