//! Certificates for Weir: a CA, server and client certificates.
