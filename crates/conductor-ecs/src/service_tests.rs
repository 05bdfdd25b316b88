//! What is read of a service, and which ones no run may begin on.

use aws_sdk_ecs::types::{DeploymentConfiguration, DeploymentController, DeploymentLifecycleHook, Tag, TaskSet};

use super::*;

/// A service that is as it shall be: so many tasks of this revision, by this deployment.
pub(crate) fn steady(definition: &str, tasks: u32, deployment: &str) -> Service {
    let revision = definition.parse().ok();
    Service {
        arn: "arn:aws:ecs:eu-central-1:1:service/shop-test/cart".to_owned(),
        name: "cart".to_owned(),
        cluster_arn: "arn:aws:ecs:eu-central-1:1:cluster/shop-test".to_owned(),
        created: Some("1790000000".to_owned()),
        desired: tasks,
        running: tasks,
        pending: 0,
        controller: Controller::Ecs,
        is_daemon: false,
        strategy: Strategy::Rolling,
        definition: definition.parse().ok(),
        deployments: vec![Deployment {
            id: deployment.to_owned(),
            is_primary: true,
            definition: revision,
            desired: tasks,
            running: tasks,
            pending: 0,
            failed: 0,
            rollout: Rollout::Completed,
            reason: String::new(),
        }],
        has_breaker: false,
        tags: BTreeMap::new(),
        revisions: Vec::new(),
        events: Vec::new(),
    }
}

fn described() -> aws_sdk_ecs::types::builders::ServiceBuilder {
    DescribedService::builder().service_name("cart").status("ACTIVE").desired_count(2).running_count(2)
}

#[test]
fn the_primary_deployment_says_what_runs_and_not_the_service() {
    let deployment = |status: &str, definition: &str| {
        let state = DeploymentRolloutState::InProgress;
        Described::builder().id(status).status(status).task_definition(definition).rollout_state(state).build()
    };
    let found = described()
        .task_definition("shop:9")
        .deployments(deployment("ACTIVE", "shop:7"))
        .deployments(deployment("PRIMARY", "arn:aws:ecs:eu-central-1:1:task-definition/shop:8"))
        .tags(Tag::builder().key("team").value("shop").build())
        .build();
    let read = Service::read(&found).unwrap();
    assert_eq!((read.definition.clone(), read.desired, read.tags_of_others()), ("shop:8".parse().ok(), 2, 1));
    assert_eq!(read.unrest(), Some(Unrest::Deploys("it has 2 deployments at the same time".to_owned())));
    let set = TaskSet::builder().status("PRIMARY").task_definition("shop:5").build();
    assert_eq!(Service::read(&described().task_sets(set).build()).unwrap().definition, "shop:5".parse().ok());
}

#[test]
fn what_is_on_its_way_out_is_not_there() {
    for status in ["DRAINING", "INACTIVE"] {
        assert_eq!(Service::read(&described().status(status).build()), None);
    }
}

#[test]
fn whatever_goes_on_is_told() {
    let told = |change: fn(&mut Service)| {
        let mut service = steady("shop:7", 3, "ecs-svc/1");
        change(&mut service);
        service.unrest()
    };
    assert_eq!(told(|_| ()), None);
    assert_eq!(
        told(|one| one.deployments[0].rollout = Rollout::InProgress),
        Some(Unrest::Deploys("deployment ecs-svc/1 is in progress (3 of 3 tasks running)".to_owned()))
    );
    let failed = told(|one| {
        one.deployments[0].rollout = Rollout::Failed;
        one.deployments[0].reason = "tasks failed to start".to_owned();
    });
    assert_eq!(failed, Some(Unrest::Failed("deployment ecs-svc/1 has failed: tasks failed to start".to_owned())));
    let scales = |text: &str| Some(Unrest::Scales(text.to_owned()));
    assert_eq!(told(|one| one.running = 2), scales("2 of 3 tasks are running, and 0 pending"));
    assert_eq!(told(|one| one.pending = 1), scales("3 of 3 tasks are running, and 1 pending"));
}

#[test]
fn services_that_ecs_does_not_deploy_to_keep_their_version() {
    let by = |kind: DeploymentControllerType| {
        let controller = DeploymentController::builder().r#type(kind).build().unwrap();
        Service::read(&described().deployment_controller(controller).build()).unwrap().undeployable()
    };
    assert_eq!(by(DeploymentControllerType::Ecs), None);
    assert_eq!(
        by(DeploymentControllerType::CodeDeploy).unwrap(),
        "its deployments are those of CODE_DEPLOY, which alone gives it another task definition; expected version: keep (it can be scaled)"
    );
    let shifting = |target: DeploymentLifecycleHookTargetType| {
        let hook = DeploymentLifecycleHook::builder().target_type(target).build();
        let configuration =
            DeploymentConfiguration::builder().strategy(DeploymentStrategy::BlueGreen).lifecycle_hooks(hook);
        Service::read(&described().deployment_configuration(configuration.build()).build()).unwrap().undeployable()
    };
    assert_eq!(shifting(DeploymentLifecycleHookTargetType::AwsLambda), None);
    assert_eq!(
        shifting(DeploymentLifecycleHookTargetType::Pause).unwrap(),
        "its deployments (BLUE_GREEN) wait for somebody at a PAUSE hook; expected version: keep, or a service without the hook"
    );
}
