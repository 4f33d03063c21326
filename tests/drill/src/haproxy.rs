//! What HAProxy is started with.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::net::Ipv4Addr;
use std::path::Path;

use crate::kit::loopback;

/// 350 s is the idle timeout of a Network Load Balancer's listener. HAProxy draws the same numbers
/// each time it is started, and a server's id decides which of them are its own: ids of chance, and
/// a weight that evens the shares out.
pub(crate) fn configuration(
    socket: &Path,
    address: (Ipv4Addr, u16),
    ports: &BTreeMap<Ipv4Addr, u16>,
    silence: u16,
) -> String {
    let mut text = format!(
        "global\n  stats socket {} mode 600 level admin\n  nbthread 1\n\
         defaults\n  mode tcp\n  retries 0\n  timeout connect 5s\n\
         \x20 timeout client 350s\n  timeout server 350s\n\
         frontend path\n  bind {}:{}\n  default_backend group\n\
         backend group\n  balance random(1)\n  server silent {}:{silence} disabled\n",
        socket.display(),
        address.0,
        address.1,
        loopback()
    );
    let ids = RandomState::new().hash_one(socket) >> 34;
    for (id, (target, port)) in (ids + 1..).zip(ports) {
        let listens = loopback();
        let _ = writeln!(
            text,
            "  server {target} {listens}:{port} id {id} weight 256 disabled"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_load_balancers_draw_alike() {
        let ports = BTreeMap::from([(loopback(), 20_000)]);
        let made = || configuration(Path::new("socket"), (loopback(), 1), &ports, 2);
        let [one, other] = [made(), made()];
        assert!(one.contains("random(1)") && one.contains(" id "), "{one}");
        assert_ne!(one, other);
    }
}
