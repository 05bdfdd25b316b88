//! Everything that is wrong with the settings.

use std::collections::{BTreeMap, BTreeSet};

use conductor_core::app::ApplicationId;
use conductor_core::units::Span;

use super::{AccountSettings, EcsSettings};
use crate::place::Place;

/// Field, problem, and what would be right.
type Violation = (String, String, String);

const NAME: &str = "1 to 255 letters, digits, '-' or '_', not its ARN";
const ROLE: &str = "an ARN such as arn:aws:iam::123456789012:role/load-test-conductor";
/// Fewer calls would never come to an end; more than any quota of AWS are no limit.
const RATES: (f64, f64) = (0.1, 1000.0);

impl EcsSettings {
    /// Everything that is wrong, as field, problem and what would be right.
    pub fn violations(&self) -> Vec<(String, String, String)> {
        let mut found = Vec::new();
        found.extend(not_a_name("cluster".to_owned(), &self.cluster));
        found.extend(self.account.violations("account"));
        if let Some(production) = &self.production {
            found
                .extend(production.cluster.iter().filter_map(|name| not_a_name("production.cluster".to_owned(), name)));
            found.extend(production.account.violations("production.account"));
        }
        found.extend(self.wrong_times());
        for (name, rate) in self.rates.all() {
            if !(RATES.0..=RATES.1).contains(&rate) {
                let problem = format!("{rate} calls in a second are out of range");
                found.push((format!("rates.{name}"), problem, format!("{} to {}", RATES.0, RATES.1)));
            }
        }
        found.extend(self.wrong_applications());
        found.extend(self.written_in_production());
        found
    }

    /// In one cluster the same name is the same service: a run would write to production.
    fn written_in_production(&self) -> Vec<Violation> {
        if !self.production.as_ref().is_some_and(|production| production.same_cluster) {
            return Vec::new();
        }
        let read = self.applications.iter().filter(|application| !application.support);
        let read: BTreeMap<Place, &ApplicationId> =
            read.map(|application| (self.place_in_production(application), &application.name)).collect();
        let written = self.applications.iter().enumerate().filter_map(|(position, application)| {
            let place = self.place(application);
            let of = read.get(&place)?;
            let problem = format!("{place} is \"{of}\" in production, and would be written to");
            let expected = "another service, or inProduction: { service: the one in production }".to_owned();
            Some((format!("applications[{position}].service"), problem, expected))
        });
        written.collect()
    }

    fn wrong_times(&self) -> impl Iterator<Item = Violation> {
        let times = [
            ("poll", self.poll, 1, 120),
            ("driftPoll", self.drift_poll, 1, 120),
            ("shownWithin", self.shown_within, 1, 600),
            ("placeWithin", self.place_within, 1, 3600),
            ("timeout", self.timeout, 1, 120),
        ];
        times.into_iter().filter_map(|(name, time, least, most)| {
            let [least, most] = [least, most].map(Span::seconds);
            let is_wrong = time < least || time > most;
            is_wrong.then(|| (name.to_owned(), format!("{time} is out of range"), format!("{least} to {most}")))
        })
    }

    fn wrong_applications(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut names = BTreeSet::new();
        let mut places: BTreeMap<Place, &ApplicationId> = BTreeMap::new();
        for (position, application) in self.applications.iter().enumerate() {
            let at = |field: &str| format!("applications[{position}].{field}");
            let name = &application.name;
            if !names.insert(name) {
                let problem = format!("\"{name}\" is there twice");
                found.push((at("name"), problem, "a name of its own for each application".to_owned()));
            }
            let other = application.in_production.clone().unwrap_or_default();
            let named = [
                ("cluster", &application.cluster),
                ("service", &application.service),
                ("inProduction.cluster", &other.cluster),
                ("inProduction.service", &other.service),
            ];
            for (field, text) in named {
                found.extend(text.iter().filter_map(|text| not_a_name(at(field), text)));
            }
            if application.service.is_none() && !is_name(name.as_str()) {
                let problem = format!("\"{name}\" is not the name of a service");
                found.push((at("name"), problem, "service: its name".to_owned()));
            }
            let place = self.place(application);
            if let Some(other) = places.insert(place.clone(), name).filter(|other| *other != name) {
                let expected = "a service of its own".to_owned();
                found.push((at("service"), format!("{place} is \"{other}\" already"), expected));
            }
        }
        found
    }
}

impl AccountSettings {
    fn violations(&self, field: &str) -> Vec<Violation> {
        let mut found = Vec::new();
        if let Some(role) = self.role_arn.as_ref().filter(|role| !(role.starts_with("arn:") && role.contains(":role/")))
        {
            found.push((format!("{field}.roleArn"), format!("\"{role}\" is not the ARN of a role"), ROLE.to_owned()));
        }
        if self.external_id.is_some() && self.role_arn.is_none() {
            let problem = "no role is taken on that could want it".to_owned();
            found.push((format!("{field}.externalId"), problem, "roleArn beside it, or to leave it out".to_owned()));
        }
        let is_url = |url: &&String| url.starts_with("https://") || url.starts_with("http://");
        if let Some(endpoint) = self.endpoint.as_ref().filter(|url| !is_url(url)) {
            let problem = format!("\"{endpoint}\" is not a URL");
            found.push((format!("{field}.endpoint"), problem, "one with https:// or http://".to_owned()));
        }
        found
    }
}

fn not_a_name(field: String, name: &str) -> Option<Violation> {
    (!is_name(name)).then(|| (field, format!("\"{name}\" is not a name"), NAME.to_owned()))
}

fn is_name(name: &str) -> bool {
    (1..=255).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}
