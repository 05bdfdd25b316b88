//! The contract's descriptors, for what is done with messages of any type.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, ServiceDescriptor};

/// All descriptors.
pub(crate) static CONTRACT: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(conductor_proto::DESCRIPTORS).expect("the descriptors were compiled"));

/// The service.
pub(crate) static SERVICE: LazyLock<ServiceDescriptor> = LazyLock::new(|| {
    CONTRACT.get_service_by_name("conductor.v1.LoadTestService").expect("the contract has the service")
});
