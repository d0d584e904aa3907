use std::fmt;

/// Length and first letter of a name, in lower case.
const fn key(text: &[u8]) -> u32 {
    match text {
        [] => 0,
        [first, ..] => (text.len() as u32) << 8 | first.to_ascii_lowercase() as u32,
    }
}

macro_rules! names {
    ($($variant:ident, $text:literal $(, $short:literal)?;)*) => {
        /// The name of a header that we know. Compact forms are the same name (RFC 3261 §7.3.3).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)]
        pub enum Name {
            $($variant,)*
            /// A header that we don't know; asked for by [`crate::sip::Message::extension`].
            Other,
        }

        impl Name {
            /// All that we know.
            pub const KNOWN: &'static [Name] = &[$(Name::$variant,)*];

            /// The name in its long form; empty for [`Name::Other`].
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Name::$variant => $text,)*
                    Name::Other => "",
                }
            }

            /// The name for a single letter (compact form).
            fn compact(letter: u8) -> Name {
                match letter.to_ascii_lowercase() {
                    $($($short => Name::$variant,)?)*
                    _ => Name::Other,
                }
            }

            fn of_text(text: &[u8]) -> Name {
                let wanted = key(text);
                // One switch on length and first letter, then one comparison: the names of a head are what reading it costs.
                $(if wanted == const { key($text.as_bytes()) } && text.eq_ignore_ascii_case($text.as_bytes()) {
                    return Name::$variant;
                })*
                Name::Other
            }
        }
    };
}

// The common ones first: the search is linear.
names! {
    Via, "Via", b'v';
    From, "From", b'f';
    To, "To", b't';
    CallId, "Call-ID", b'i';
    CSeq, "CSeq";
    Contact, "Contact", b'm';
    MaxForwards, "Max-Forwards";
    ContentLength, "Content-Length", b'l';
    ContentType, "Content-Type", b'c';
    UserAgent, "User-Agent";
    Expires, "Expires";
    Authorization, "Authorization";
    Allow, "Allow";
    Supported, "Supported", b'k';
    Route, "Route";
    RecordRoute, "Record-Route";
    Require, "Require";
    Accept, "Accept";
    AcceptContact, "Accept-Contact", b'a';
    AcceptEncoding, "Accept-Encoding";
    AcceptLanguage, "Accept-Language";
    AlertInfo, "Alert-Info";
    AllowEvents, "Allow-Events", b'u';
    AuthenticationInfo, "Authentication-Info";
    CallInfo, "Call-Info";
    ContentDisposition, "Content-Disposition";
    ContentEncoding, "Content-Encoding", b'e';
    ContentLanguage, "Content-Language";
    Date, "Date";
    Diversion, "Diversion";
    ErrorInfo, "Error-Info";
    Event, "Event", b'o';
    HistoryInfo, "History-Info";
    Identity, "Identity", b'y';
    InReplyTo, "In-Reply-To";
    MimeVersion, "MIME-Version";
    MinExpires, "Min-Expires";
    MinSe, "Min-SE";
    Organization, "Organization";
    PAssertedIdentity, "P-Asserted-Identity";
    Path, "Path";
    PPreferredIdentity, "P-Preferred-Identity";
    Priority, "Priority";
    Privacy, "Privacy";
    ProxyAuthenticate, "Proxy-Authenticate";
    ProxyAuthorization, "Proxy-Authorization";
    ProxyRequire, "Proxy-Require";
    RAck, "RAck";
    Reason, "Reason";
    ReferSub, "Refer-Sub";
    ReferTo, "Refer-To", b'r';
    ReferredBy, "Referred-By", b'b';
    RejectContact, "Reject-Contact", b'j';
    Replaces, "Replaces";
    ReplyTo, "Reply-To";
    RequestDisposition, "Request-Disposition", b'd';
    RetryAfter, "Retry-After";
    RSeq, "RSeq";
    Server, "Server";
    ServiceRoute, "Service-Route";
    SessionExpires, "Session-Expires", b'x';
    SipEtag, "SIP-ETag";
    SipIfMatch, "SIP-If-Match";
    Subject, "Subject", b's';
    SubscriptionState, "Subscription-State";
    Timestamp, "Timestamp";
    Unsupported, "Unsupported";
    Warning, "Warning";
    WwwAuthenticate, "WWW-Authenticate";
}

impl Name {
    /// The name of a header as written, long or compact, in any case.
    pub fn parse(text: &[u8]) -> Name {
        match text {
            [letter] => Name::compact(*letter),
            _ => Name::of_text(text),
        }
    }

    /// Several values may stand in one header line, divided by commas (RFC 3261 §7.3.1), and we look at them.
    pub fn is_list(self) -> bool {
        matches!(
            self,
            Name::Via
                | Name::Contact
                | Name::Route
                | Name::RecordRoute
                | Name::Path
                | Name::ServiceRoute
                | Name::Allow
                | Name::AllowEvents
                | Name::Supported
                | Name::Require
                | Name::ProxyRequire
                | Name::Unsupported
                | Name::Accept
                | Name::PAssertedIdentity
                | Name::PPreferredIdentity
                | Name::Diversion
                | Name::HistoryInfo
                | Name::Reason
                | Name::Warning
                | Name::AlertInfo
                | Name::CallInfo
                | Name::InReplyTo
                | Name::ErrorInfo
        )
    }

    /// May stand in a message once only, and its value steers what we do (RFC 3261 §7.3.1).
    pub fn is_single(self) -> bool {
        matches!(
            self,
            Name::From
                | Name::To
                | Name::CallId
                | Name::CSeq
                | Name::MaxForwards
                | Name::ContentLength
                | Name::ContentType
                | Name::Expires
                | Name::ReferTo
                | Name::ReferredBy
                | Name::Replaces
                | Name::SessionExpires
                | Name::MinSe
                | Name::Event
                | Name::SubscriptionState
        )
    }

    /// For people to read: bytes that are not UTF-8 are replaced instead of refusing the message.
    pub fn is_display(self) -> bool {
        matches!(
            self,
            Name::Subject
                | Name::UserAgent
                | Name::Server
                | Name::Organization
                | Name::Warning
                | Name::Reason
                | Name::CallInfo
                | Name::AlertInfo
                | Name::ErrorInfo
                | Name::Date
                | Name::Timestamp
                | Name::Other
        )
    }

    /// An address with a display name for people to read.
    pub fn is_address(self) -> bool {
        matches!(
            self,
            Name::From
                | Name::To
                | Name::Contact
                | Name::ReplyTo
                | Name::PAssertedIdentity
                | Name::PPreferredIdentity
                | Name::ReferTo
                | Name::ReferredBy
                | Name::Diversion
                | Name::HistoryInfo
        )
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
