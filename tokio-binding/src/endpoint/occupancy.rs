//! How many streams there may be at once, and whose they are.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most streams that an [`Endpoint`](crate::Endpoint) has open at once; by default any number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointLimits {
    connections: Option<usize>,
    per_user: Option<usize>,
    per_address: Option<usize>,
}

impl EndpointLimits {
    /// No limit yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { connections: None, per_user: None, per_address: None }
    }

    /// The most streams in all. A request that the admission hook is being asked about counts.
    #[must_use]
    pub const fn connections(mut self, streams: usize) -> Self {
        self.connections = Some(streams);
        self
    }

    /// The most streams of one user whom the admission hook has named.
    #[must_use]
    pub const fn per_user(mut self, streams: usize) -> Self {
        self.per_user = Some(streams);
        self
    }

    /// The most streams of one address, which for IPv6 is a network of 64 bits: what one customer
    /// gets. A request that the admission hook is being asked about counts.
    #[must_use]
    pub const fn per_address(mut self, streams: usize) -> Self {
        self.per_address = Some(streams);
        self
    }
}

/// The places of an endpoint.
#[derive(Debug)]
pub(super) struct Occupancy {
    limits: EndpointLimits,
    taken: Mutex<Taken>,
}

/// Who has how many places. Only those who have some are here.
#[derive(Debug, Default)]
struct Taken {
    connections: usize,
    users: HashMap<Arc<str>, usize>,
    addresses: HashMap<IpAddr, usize>,
}

impl Occupancy {
    pub(super) fn new(limits: EndpointLimits) -> Arc<Self> {
        Arc::new(Self { limits, taken: Mutex::default() })
    }

    /// A place for a request from an address; `None` where there is no room.
    pub(super) fn take(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Place> {
        let address = address.filter(|_| self.limits.per_address.is_some()).map(network);
        let mut taken = self.taken();
        if !self.has_room(&taken, address) {
            return None;
        }
        taken.connections += 1;
        if let Some(address) = address {
            *taken.addresses.entry(address).or_default() += 1;
        }
        Some(Place { occupancy: Arc::clone(self), user: None, address })
    }

    /// How many places are taken.
    pub(super) fn len(&self) -> usize {
        self.taken().connections
    }

    fn has_room(&self, taken: &Taken, address: Option<IpAddr>) -> bool {
        is_below(self.limits.connections, Some(&taken.connections))
            && address.is_none_or(|address| {
                is_below(self.limits.per_address, taken.addresses.get(&address))
            })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // No code of others runs under the lock, and nothing in here panics half done.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    occupancy: Arc<Occupancy>,
    user: Option<Arc<str>>,
    address: Option<IpAddr>,
}

impl Place {
    /// Counts the place as one of a user's; false where the user has enough. Called once at most.
    pub(super) fn take_for(&mut self, user: Arc<str>) -> bool {
        let limit = self.occupancy.limits.per_user;
        if limit.is_none() {
            return true;
        }
        let mut taken = self.occupancy.taken();
        if !is_below(limit, taken.users.get(&user)) {
            return false;
        }
        *taken.users.entry(Arc::clone(&user)).or_default() += 1;
        drop(taken);
        self.user = Some(user);
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.occupancy.taken();
        taken.connections -= 1;
        if let Some(user) = &self.user {
            give_back(&mut taken.users, user);
        }
        if let Some(address) = &self.address {
            give_back(&mut taken.addresses, address);
        }
    }
}

fn is_below(limit: Option<usize>, taken: Option<&usize>) -> bool {
    limit.is_none_or(|limit| taken.copied().unwrap_or_default() < limit)
}

fn give_back<K: Eq + Hash>(places: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = places.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            places.remove(key);
        }
    }
}

/// What counts as one address: an IPv4 address, written either way, or the upper 64 bits of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_who_has_left_is_remembered() {
        let limits = EndpointLimits::new().connections(3).per_user(2).per_address(2);
        let occupancy = Occupancy::new(limits);
        let address = Some(IpAddr::from([127, 0, 0, 1]));
        let mut places = Vec::new();
        for user in ["anna", "bert"] {
            let mut place = occupancy.take(address).unwrap();
            assert!(place.take_for(user.into()));
            places.push(place);
        }
        assert!(occupancy.take(address).is_none());
        assert_eq!(occupancy.len(), 2);
        assert_eq!(occupancy.taken().users.len(), 2);
        places.pop();
        assert_eq!(occupancy.taken().users.len(), 1);
        assert_eq!(occupancy.taken().addresses.len(), 1);
        places.clear();
        let taken = occupancy.taken();
        assert_eq!((taken.connections, taken.users.len(), taken.addresses.len()), (0, 0, 0));
    }

    #[test]
    fn what_has_no_limit_is_not_counted() {
        let occupancy = Occupancy::new(EndpointLimits::new());
        let mut place = occupancy.take(Some(IpAddr::from([127, 0, 0, 1]))).unwrap();
        assert!(place.take_for("anna".into()));
        let taken = occupancy.taken();
        assert_eq!((taken.connections, taken.users.len(), taken.addresses.len()), (1, 0, 0));
    }

    #[test]
    fn networks() {
        for (address, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("::1", "::"),
        ] {
            assert_eq!(
                network(address.parse().unwrap()),
                expected.parse::<IpAddr>().unwrap(),
                "{address}"
            );
        }
    }
}
