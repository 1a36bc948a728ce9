//! The ways to the host that a machine moves to.
//!
//! A server that names another host sends the user's password there. So the new host has to be reached in a way that is no
//! weaker than the one to the old host: with TLS where that was asked for, and with a certificate from the same authorities.

use super::{Address, Route};
use crate::channel::main::Destination;

impl Route {
    /// The ways to the host that the machine at the end of this route moves to.
    ///
    /// # Errors
    ///
    /// Why there is none that would be as good, one clause.
    pub fn towards(&self, to: &Destination) -> Result<Self, String> {
        if self.via.websocket.is_some() {
            return Err("this session is in a web-socket, and none is named there".into());
        }
        #[cfg(feature = "tls")]
        if let Some(secure) = self.secure_towards(to)? {
            let plain = self.plain.as_ref().and(to.port);
            return Ok(Self {
                plain: plain.map(|port| Address::tcp(&*to.host, port)),
                tls: Some(secure),
                via: self.via.clone(),
            });
        }
        if matches!(self.plain, Some(Address::Unix(_))) {
            return Err("this session is within one machine, and would cross a network".into());
        }
        let port = to
            .port
            .ok_or("it has no plain port, and this session is without TLS")?;
        Ok(Self {
            via: self.via.clone(),
            ..Self::plain(Address::tcp(&*to.host, port))
        })
    }

    /// The port with TLS that has to be used there; `None` where this route has none either.
    #[cfg(feature = "tls")]
    fn secure_towards(&self, to: &Destination) -> Result<Option<super::route::TlsPort>, String> {
        use super::tls::{DistinguishedName, Identity};
        let Some(secure) = &self.tls else {
            return Ok(None);
        };
        let port = to
            .tls_port
            .ok_or("it has no port with TLS, which this session demands")?;
        let mut policy = (*secure.policy).clone();
        policy.identity = match &to.subject {
            Some(subject) => Identity::Subject(
                DistinguishedName::parse(subject)
                    .map_err(|error| format!("of the subject of its certificate: {error}"))?,
            ),
            None => Identity::Host(to.host.clone()),
        };
        Ok(Some(super::route::TlsPort {
            address: Address::tcp(&*to.host, port),
            policy: policy.into(),
            channels: secure.channels.clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(port: Option<u16>, tls_port: Option<u16>) -> Destination {
        Destination {
            host: "b.example".into(),
            port,
            tls_port,
            subject: None,
        }
    }

    #[test]
    fn without_tls_the_plain_port_is_used_and_no_other() {
        let route = Route::plain(Address::tcp("a.example", 5900));
        let there = route.towards(&to(Some(6000), Some(6001))).unwrap();
        assert_eq!(there.plain, Some(Address::tcp("b.example", 6000)));
        assert!(there.secured().is_none());
        let why = route.towards(&to(None, Some(6001))).unwrap_err();
        assert_eq!(why, "it has no plain port, and this session is without TLS");
    }

    #[test]
    fn what_stays_within_a_machine_is_not_sent_over_a_network() {
        let route = Route::plain(Address::Unix("/run/vm.sock".into()));
        let why = route.towards(&to(Some(6000), None)).unwrap_err();
        assert_eq!(
            why,
            "this session is within one machine, and would cross a network"
        );
    }

    #[cfg(feature = "tls")]
    #[test]
    fn tls_is_demanded_of_the_new_host_too_with_the_subject_it_is_said_to_have() {
        use super::super::route::{SecureChannels, TlsPort, Via};
        use super::super::tls::{DistinguishedName, Identity, Policy};
        let secure = TlsPort {
            address: Address::tcp("a.example", 5901),
            policy: Policy::for_host("a.example").into(),
            channels: SecureChannels::All,
        };
        let route = Route {
            plain: Some(Address::tcp("a.example", 5900)),
            tls: Some(secure),
            via: Via::default(),
        };
        let why = route.towards(&to(Some(6000), None)).unwrap_err();
        assert_eq!(why, "it has no port with TLS, which this session demands");

        let there = route.towards(&to(Some(6000), Some(6001))).unwrap();
        let secure = there.tls.as_ref().unwrap();
        assert_eq!(secure.address, Address::tcp("b.example", 6001));
        assert_eq!(secure.channels, SecureChannels::All);
        assert_eq!(secure.policy.identity, Identity::Host("b.example".into()));

        let named = Destination {
            subject: Some("O=Spec,CN=b".into()),
            ..to(None, Some(6001))
        };
        let there = route.towards(&named).unwrap();
        let subject = DistinguishedName::parse("O=Spec,CN=b").unwrap();
        assert_eq!(
            there.tls.unwrap().policy.identity,
            Identity::Subject(subject)
        );
        assert_eq!(there.plain, None, "none is known there");

        let odd = Destination {
            subject: Some("CN".into()),
            ..to(None, Some(6001))
        };
        assert!(route.towards(&odd).is_err());
    }
}
