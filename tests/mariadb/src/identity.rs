//! As whom MariaDB runs: not as root, where that can be avoided.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use conductor_bed::Identity;

/// Where this process is root's, a user without rights, unless the installation or what is temporary is in a folder that is closed to
/// others; else this process's.
pub(crate) fn find(installation: &Path) -> Identity {
    let found = Identity::without_rights();
    let can_be =
        |found: &Identity| *found == Identity::own() || (is_open(installation) && is_open(&std::env::temp_dir()));
    found.filter(can_be).unwrap_or(Identity::own())
}

/// Lets the server run so. That it is root it must be told to accept.
pub(crate) fn run_as(identity: Identity, server: &mut Command) {
    identity.run_as(server);
    if identity.is_root() {
        server.arg("--user=root");
    }
}

/// True where everybody may enter a folder and those that it is in.
fn is_open(folder: &Path) -> bool {
    let Ok(folder) = folder.canonicalize() else { return false };
    let is_open = |folder: &Path| folder.metadata().is_ok_and(|found| found.permissions().mode() & 0o001 != 0);
    folder.ancestors().all(is_open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_one_that_is_closed_to_others_is_closed_itself() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        let set = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        set(&inner, 0o755);
        set(outer.path(), 0o700);
        assert!(!is_open(&inner));
        set(outer.path(), 0o711);
        assert_eq!(is_open(&inner), is_open(&std::env::temp_dir()));
        assert!(!is_open(&inner.join("missing")));
    }
}
