//! What is made of a revision, when two say the same, and images by their digests.

use super::*;

fn container(name: &str, image: &str) -> ContainerDefinition {
    ContainerDefinition::builder()
        .name(name)
        .image(image)
        .environment(KeyValuePair::builder().name("B").value("2").build())
        .environment(KeyValuePair::builder().name("A").value("1").build())
        .build()
}

fn definition(number: u32, containers: Vec<ContainerDefinition>) -> Definition {
    let content = TaskDefinition::builder()
        .task_definition_arn(format!("arn:aws:ecs:eu-central-1:1:task-definition/shop:{number}"))
        .family("shop")
        .revision(number.try_into().unwrap())
        .cpu("256")
        .memory("512")
        .execution_role_arn("arn:aws:iam::1:role/test")
        .set_container_definitions(Some(containers))
        .build();
    let tags = [("team", "shop"), ("aws:cloudformation:stack-name", "test")];
    let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build());
    Definition::read(content, &tags).unwrap()
}

fn base() -> Definition {
    definition(7, vec![container("app", "shop:1"), container("proxy", "envoy:3")])
}

fn images(of: &[(&str, &str)]) -> Difference {
    let images = of.iter().map(|(name, image)| ((*name).to_owned(), (*image).to_owned())).collect();
    Difference { images, resources: BTreeMap::new() }
}

#[test]
fn only_images_and_resources_differ_from_the_base() {
    let mut wanted = images(&[("app", "shop@sha256:2"), ("absent", "x")]);
    let whole = BTreeMap::from([
        ("requests.cpu".to_owned(), "1".parse().unwrap()),
        ("requests.memory".to_owned(), "2Gi".parse().unwrap()),
    ]);
    wanted.resources.insert(resources::TASK.to_owned(), whole);
    let made = base().with(&wanted).unwrap();
    assert_eq!((made.cpu(), made.memory()), (Some("1024"), Some("2048")));
    assert_eq!(made.container_definitions()[0].image(), Some("shop@sha256:2"));
    let mut back = made.clone();
    (back.cpu, back.memory) = (Some("256".to_owned()), Some("512".to_owned()));
    back.container_definitions.as_mut().unwrap()[0].image = Some("shop:1".to_owned());
    assert_eq!(back, base().content);
    let half = wanted.resources.values().next().unwrap().clone();
    let cut = Difference { resources: BTreeMap::from([("app".to_owned(), half)]), ..images(&[]) };
    assert_eq!(base().with(&cut).unwrap().container_definitions()[0].cpu(), 1024);
}

#[test]
fn the_same_change_of_the_same_base_has_the_same_tag_and_any_other_another() {
    let tag = |base: &Definition, wanted: &Difference| base.made_of(&base.with(wanted).unwrap());
    let one = tag(&base(), &images(&[("app", "shop@sha256:2")]));
    // What is named and stays as it is makes no difference.
    assert_eq!(one, tag(&base(), &images(&[("app", "shop@sha256:2"), ("proxy", "envoy:3")])));
    assert!(one.starts_with("7:") && one.len() < 256, "{one}");
    let others = [
        tag(&base(), &images(&[("app", "shop@sha256:3")])),
        tag(&base(), &images(&[("proxy", "shop@sha256:2")])),
        tag(&Definition { revision: "shop:8".parse().unwrap(), ..base() }, &images(&[("app", "shop@sha256:2")])),
    ];
    assert!(others.iter().all(|other| *other != one), "{others:?}");
    let tags = base().tags_of(one.clone());
    assert_eq!(tags.keys().collect::<Vec<_>>(), [MADE_OF, "team"], "those of AWS cannot be given");
    let made = Definition { tags, revision: "shop:9".parse().unwrap(), ..base() };
    assert_eq!(made.base(), Some("shop:7".parse().unwrap()));
    assert_eq!(base().base(), None);
}

#[test]
fn two_say_the_same_however_ecs_writes_them() {
    let mut written = container("app", "shop:1");
    written.environment.as_mut().unwrap().reverse();
    written.essential = Some(true);
    written.mount_points = Some(Vec::new());
    let mut other = definition(9, vec![container("proxy", "envoy:3"), written]);
    other.content.status = Some(TaskDefinitionStatus::Active);
    other.content.volumes = Some(Vec::new());
    assert!(base().says(&other.content));
    other.content.container_definitions.as_mut().unwrap()[1].environment.as_mut().unwrap().pop();
    assert!(!base().says(&other.content));
}

#[test]
fn a_digest_takes_the_place_of_a_tag() {
    for image in [
        "registry:5000/shop/cart",
        "registry:5000/shop/cart:v2",
        "registry:5000/shop/cart:v2@sha256:0",
        "registry:5000/shop/cart@sha256:0",
    ] {
        assert_eq!(pinned(image, "sha256:1"), "registry:5000/shop/cart@sha256:1", "{image}");
    }
    assert_eq!(pinned("cart:v2", "sha256:1"), "cart@sha256:1");
    assert_eq!((own_digest("cart:v2@sha256:0"), own_digest("cart:v2")), (Some("sha256:0"), None));
}

#[test]
fn a_revision_that_is_gone_is_known_by_its_status() {
    let mut gone = base();
    assert!(gone.is_active());
    gone.content.status = Some(TaskDefinitionStatus::Inactive);
    assert!(!gone.is_active());
}
