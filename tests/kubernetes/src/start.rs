//! Bringing a cluster up: files, processes one after the other, nodes, and waiting until all of it can be used.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use conductor_bed::{Folder, Identity, LOOK_EVERY, log};
use http::Request;
use k8s_openapi::api::core::v1::Node;
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};
use tokio::sync::Mutex;

use crate::access::Access;
use crate::cluster::{Cluster, ClusterSettings};
use crate::component::{Component, file};
use crate::error::BedError;
use crate::keeper::Keeper;
use crate::pki::{self, Authority};
use crate::programs::Programs;
use crate::user::User;
use crate::{FOLDERS, audit, kwok, node, port};

/// How long one answer may take before it is asked again.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

pub(crate) async fn start(settings: ClusterSettings) -> Result<Cluster, BedError> {
    let begun = Instant::now();
    let left = || settings.start_within.saturating_sub(begun.elapsed());
    let folder = FOLDERS.make(Identity::own())?;
    let port = port::reserve()?;
    let authority = Authority::new()?;
    write_files(&folder, &authority)?;
    let mut cluster = Cluster {
        controllers: Mutex::new(BTreeMap::new()),
        keeper: Keeper::new(),
        processes: Vec::new(),
        access: Access::new(authority, port.number),
        programs: Programs::find(),
        port: port.number,
        folder,
    };

    cluster.start_component(Component::Etcd)?;
    cluster.start_component(Component::ApiServer)?;
    let admin = cluster.client(&User::Admin).await?;
    cluster.await_that(Component::ApiServer, "readiness", left(), || is_ready(admin.clone())).await?;
    // From now on the API server itself holds the port.
    drop(port);

    cluster.start_component(Component::ControllerManager)?;
    cluster.start_component(Component::Scheduler)?;
    cluster.start_component(Component::Kwok)?;
    make_nodes(&admin, settings).await?;
    let nodes = Api::<Node>::all(admin.clone());
    cluster.await_that(Component::Kwok, "nodes that take pods", left(), || are_usable(nodes.clone())).await?;
    cluster.await_account(&admin, "default", left()).await?;
    Ok(cluster)
}

impl Cluster {
    fn start_component(&mut self, component: Component) -> Result<(), BedError> {
        self.access.let_component_in(component, &self.folder)?;
        let command = component.command(&self.programs, &self.folder, self.port)?;
        let process = self.keeper.start(component, command)?;
        self.processes.push((component, process));
        Ok(())
    }

    /// Waits for a component to do its part, for as long as all of them run.
    pub(crate) async fn await_that<Look: Future<Output = bool>>(
        &self,
        component: Component,
        what: &'static str,
        within: Duration,
        mut holds: impl FnMut() -> Look,
    ) -> Result<(), BedError> {
        let begun = Instant::now();
        while !matches!(tokio::time::timeout(ANSWER_WITHIN, holds()).await, Ok(true)) {
            self.keeper.check(&self.folder)?;
            if begun.elapsed() >= within {
                let log = log::end(&self.folder.file(&component.log()));
                return Err(BedError::Late { component, what, within, log });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

fn write_files(folder: &Folder, authority: &Authority) -> Result<(), BedError> {
    let server = authority.server()?;
    let (token_key, token_public_key) = pki::token_keys()?;
    for (name, text) in [
        (file::AUTHORITY, authority.pem()),
        (file::SERVER_CERTIFICATE, server.certificate),
        (file::SERVER_KEY, server.key),
        (file::TOKEN_KEY, token_key),
        (file::TOKEN_PUBLIC_KEY, token_public_key),
        (file::AUDIT_POLICY, audit::policy().to_string()),
        (file::KWOK, kwok::configuration()),
    ] {
        folder.write(name, &text)?;
    }
    Ok(())
}

async fn is_ready(client: Client) -> bool {
    match Request::get("/readyz").body(Vec::new()) {
        Ok(request) => client.request_text(request).await.is_ok(),
        Err(_) => false,
    }
}

async fn make_nodes(admin: &Client, settings: ClusterSettings) -> Result<(), BedError> {
    let nodes = Api::<Node>::all(admin.clone());
    for index in 0..settings.nodes {
        let made = match node::node(index, settings.cpu_per_node) {
            Ok(node) => nodes.create(&PostParams::default(), &node).await,
            Err(error) => Err(kube::Error::SerdeError(error)),
        };
        made.map_err(|source| BedError::Api { act: format!("make node {index}"), source: Box::new(source) })?;
    }
    Ok(())
}

async fn are_usable(nodes: Api<Node>) -> bool {
    nodes.list(&ListParams::default()).await.is_ok_and(|list| list.items.iter().all(node::is_usable))
}
