//! The contract's descriptors, for what is done with messages of any type.

use std::sync::LazyLock;

use prost_reflect::DescriptorPool;

/// All descriptors.
pub(crate) static CONTRACT: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(conductor_proto::DESCRIPTORS).expect("the descriptors were compiled"));
