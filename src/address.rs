//! Which addresses may be registered: those a Network Load Balancer takes.

use std::net::Ipv4Addr;

use crate::route::InstanceId;
use crate::world::{CallError, Cause};

/// Why an instance has no address to register.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NoAddress {
    /// DNS is silent about it.
    #[error(transparent)]
    Silent(#[from] CallError),
    /// A Network Load Balancer would refuse what DNS says.
    #[error(transparent)]
    Unsuitable(#[from] Unsuitable),
}

/// An address that a Network Load Balancer would refuse, why, and what to change.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("`{instance}` resolves to {held}, {why}")]
pub struct Unsuitable {
    instance: InstanceId,
    held: String,
    why: &'static str,
}

/// What a target group takes beside the addresses of its own VPC, which are among these in all but
/// oddly numbered VPCs (API reference of `RegisterTargets`: RFC 1918 and RFC 6598).
const ALLOWED: [(Ipv4Addr, u32); 4] = [
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
];

/// The one private address among `addresses`.
///
/// # Errors
/// Where there is none, more than one, or one that a Network Load Balancer would refuse.
pub fn suitable(instance: &InstanceId, addresses: &[Ipv4Addr]) -> Result<Ipv4Addr, NoAddress> {
    let unsuitable = |held: String, why| {
        NoAddress::Unsuitable(Unsuitable {
            instance: instance.clone(),
            held,
            why,
        })
    };
    match addresses {
        [] => Err(CallError::new(
            "dns",
            Cause::NotFound,
            format!("`{instance}` has no IPv4 address"),
        )
        .into()),
        [address] if is_allowed(*address) => Ok(*address),
        [address]
            if address.is_loopback() || address.is_link_local() || address.is_unspecified() =>
        {
            Err(unsuitable(
                address.to_string(),
                "which is an address of the machine that asks and no instance's: check the resolver (DNS_SERVER, the \
             VPC's DHCP options) for an override of the instance's name",
            ))
        }
        [address] => Err(unsuitable(
            address.to_string(),
            "a public address, and a Network Load Balancer takes private ones: the cluster is publicly accessible and \
             the function is outside its VPC. Switch the instances' `Publicly accessible` off, or give the function \
             subnets in the cluster's VPC (SubnetIds and SecurityGroupIds of the template)",
        )),
        several => Err(unsuitable(
            format!("{} addresses ({several:?})", several.len()),
            "and an instance has one: check the resolver for an override of the instance's name",
        )),
    }
}

fn is_allowed(address: Ipv4Addr) -> bool {
    ALLOWED
        .iter()
        .any(|(network, bits)| (address.to_bits() ^ network.to_bits()) >> (32 - bits) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(addresses: &[[u8; 4]]) -> Result<Ipv4Addr, NoAddress> {
        let instance = InstanceId::parse("aurora-1").unwrap();
        suitable(
            &instance,
            &addresses
                .iter()
                .map(|octets| Ipv4Addr::from(*octets))
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn private_addresses_are_taken_up_to_the_edges_of_their_networks() {
        for octets in [
            [10, 0, 0, 0],
            [10, 255, 255, 255],
            [172, 16, 0, 1],
            [172, 31, 124, 155],
            [192, 168, 255, 255],
            [100, 64, 0, 1],
            [100, 127, 255, 255],
        ] {
            assert_eq!(check(&[octets]), Ok(Ipv4Addr::from(octets)));
        }
    }

    #[test]
    fn what_a_load_balancer_would_refuse_is_refused_with_the_reason() {
        for octets in [
            [9, 255, 255, 255],
            [11, 0, 0, 0],
            [172, 32, 0, 0],
            [192, 169, 0, 0],
            [100, 128, 0, 0],
            [54, 1, 2, 3],
        ] {
            let text = check(&[octets]).map_err(|error| error.to_string());
            assert!(
                text.as_ref()
                    .is_err_and(|text| text.contains("publicly accessible")),
                "{octets:?}: {text:?}"
            );
        }
        for octets in [[127, 0, 0, 1], [169, 254, 1, 1], [0, 0, 0, 0]] {
            let text = check(&[octets]).map_err(|error| error.to_string());
            assert!(
                text.as_ref()
                    .is_err_and(|text| text.contains("the machine that asks")),
                "{octets:?}: {text:?}"
            );
        }
        assert!(matches!(
            check(&[[10, 0, 0, 1], [10, 0, 0, 2]]),
            Err(NoAddress::Unsuitable(_))
        ));
        assert!(matches!(check(&[]), Err(NoAddress::Silent(_))));
    }
}
