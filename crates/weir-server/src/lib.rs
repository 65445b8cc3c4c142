//! The IO of Weir: sockets, TLS, upstreams, files, time, metrics, admin.
