//! How much memory may this process still take?
//!
//! The system says how much is free, and every control group that the process is in says how much of its own limit is left:
//! a container's, and those around it. The least of them counts, because the kernel ends a process that goes beyond any.
//!
//! Example: a machine with 64 GB has 50 free. The container may have 8 GB and uses 3, of which 1 is a cache of files that the
//! kernel gives back when memory is short; the slice around it may have 100 GB. Free are 6 GB.
//!
//! Knows versions 1 and 2 of control groups. Elsewhere only the system is asked.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// Bytes that this process can have now.
#[must_use]
pub fn free_bytes() -> u64 {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    least(system.available_memory(), groups(Path::new("/")).iter().map(Group::left))
}

/// Bytes that this process could have if nothing else ran: those of the machine, or of the narrowest control group.
#[must_use]
pub fn total_bytes() -> u64 {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    least(system.total_memory(), groups(Path::new("/")).iter().map(|group| group.most))
}

fn least(machine: u64, groups: impl Iterator<Item = u64>) -> u64 {
    groups.fold(machine, u64::min)
}

/// A control group with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Group {
    most: u64,
    used: u64,
    /// Of what is used, files that are read again if they are dropped.
    cached: u64,
}

impl Group {
    fn left(&self) -> u64 {
        self.most.saturating_sub(self.used.saturating_sub(self.cached))
    }
}

/// How a version of control groups calls its files.
struct Version {
    folder: &'static str,
    most: &'static [&'static str],
    used: &'static str,
    /// In `memory.stat`.
    cached: &'static str,
}

const SECOND: Version = Version {
    folder: "sys/fs/cgroup",
    most: &["memory.max", "memory.high"],
    used: "memory.current",
    cached: "inactive_file",
};
const FIRST: Version = Version {
    folder: "sys/fs/cgroup/memory",
    most: &["memory.limit_in_bytes"],
    used: "memory.usage_in_bytes",
    cached: "total_inactive_file",
};

/// The groups of this process that have a limit, from its own to the outermost that can be seen. `root` is `/`.
fn groups(root: &Path) -> Vec<Group> {
    let own = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    own.lines().flat_map(|line| groups_of(root, line)).collect()
}

/// Those of a line: `0::/user.slice/session` (version 2), or `9:memory:/docker/4711`.
fn groups_of(root: &Path, line: &str) -> Vec<Group> {
    let mut fields = line.splitn(3, ':');
    let (Some(number), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next()) else {
        return Vec::new();
    };
    let version = match (number, controllers) {
        ("0", "") => SECOND,
        (_, controllers) if controllers.split(',').any(|name| name == "memory") => FIRST,
        _ => return Vec::new(),
    };
    let mount = root.join(version.folder);
    // Inside of a container the path may be that of the host, which is not there: its mount is its group then.
    let below: PathBuf = Path::new(path).components().filter(|part| matches!(part, Component::Normal(_))).collect();
    below.ancestors().filter_map(|path| group(&mount.join(path), &version)).collect()
}

fn group(folder: &Path, version: &Version) -> Option<Group> {
    let number = |name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
    let most = version.most.iter().filter_map(|name| number(name)).min()?;
    let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    let cached = stat.lines().find_map(|line| line.strip_prefix(version.cached)?.trim().parse().ok());
    Some(Group { most, used: number(version.used).unwrap_or(0), cached: cached.unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1 << 30;

    /// A root with these files.
    fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().expect("it is in the root")).expect("a folder");
            fs::write(path, text).expect("written");
        }
        root
    }

    fn free(machine: u64, root: &tempfile::TempDir) -> u64 {
        least(machine, groups(root.path()).iter().map(Group::left))
    }

    #[test]
    fn the_narrowest_of_all_ancestors_counts() {
        let root = root(&[
            ("proc/self/cgroup", "0::/work.slice/box/inner\n"),
            ("sys/fs/cgroup/work.slice/box/inner/memory.max", "max\n"),
            ("sys/fs/cgroup/work.slice/box/memory.max", "8589934592\n"),
            ("sys/fs/cgroup/work.slice/box/memory.current", "3221225472\n"),
            ("sys/fs/cgroup/work.slice/box/memory.stat", "anon 5\ninactive_file 1073741824\n"),
            ("sys/fs/cgroup/work.slice/memory.max", "107374182400\n"),
        ]);
        assert_eq!(free(50 * GB, &root), 6 * GB);
        assert_eq!(free(2 * GB, &root), 2 * GB, "the machine has less");
    }

    #[test]
    fn a_soft_limit_counts_and_so_does_the_mount_of_a_container() {
        let root = root(&[
            ("proc/self/cgroup", "0::/docker/4711\n"),
            ("sys/fs/cgroup/memory.max", "4294967296\n"),
            ("sys/fs/cgroup/memory.high", "3221225472\n"),
            ("sys/fs/cgroup/memory.current", "1073741824\n"),
        ]);
        assert_eq!(free(50 * GB, &root), 2 * GB);
    }

    #[test]
    fn the_first_version_has_other_names() {
        let root = root(&[
            ("proc/self/cgroup", "11:cpu,cpuacct:/box\n9:memory:/box\n"),
            ("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "2147483648\n"),
            ("sys/fs/cgroup/memory/box/memory.usage_in_bytes", "1610612736\n"),
            ("sys/fs/cgroup/memory/box/memory.stat", "cache 1\ntotal_inactive_file 536870912\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ]);
        assert_eq!(free(50 * GB, &root), GB);
    }

    #[test]
    fn a_group_that_uses_more_than_it_may_leaves_nothing() {
        let root = root(&[
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/memory.max", "1000\n"),
            ("sys/fs/cgroup/memory.current", "2000\n"),
        ]);
        assert_eq!(free(50 * GB, &root), 0);
    }

    #[test]
    fn without_groups_the_machine_counts() {
        assert_eq!(free(GB, &root(&[])), GB);
        assert_eq!(free(GB, &root(&[("proc/self/cgroup", "nonsense\n0::\n1:x\n")])), GB);
    }
}
