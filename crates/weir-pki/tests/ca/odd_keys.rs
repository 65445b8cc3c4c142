//! Keys that are no other kind than those that are served, and still not to be certified.

use weir_pki::RequestError;

use crate::requests::refusal;

#[test]
fn hostile_a_compressed_point_and_a_small_exponent_are_refused() {
    for (request, name) in [(COMPRESSED, "ECDSA P-256"), (EXPONENT_3, "RSA 2048")] {
        assert_eq!(refusal(request), RequestError::Key { key: name.to_owned() });
    }
}

/// Its key was made with `openssl ec -conv_form compressed`.
const COMPRESSED: &str = "\
-----BEGIN CERTIFICATE REQUEST-----
MIGmME4CAQAwDDEKMAgGA1UEAwwBYzA5MBMGByqGSM49AgEGCCqGSM49AwEHAyIA
AppPq4fDbtOvm21kI5jJUjP8P/Bgo42RLYCAzRzedDfDoAAwCgYIKoZIzj0EAwID
SAAwRQIgfpj6nQ5V3t+uhHZUMiIl4P3DEJ4od2SjU2w1MK9ZQhUCIQCLBZ452A0f
xc/HiyjYAdvU1gh59g5LU5zE3QkAYdEb+A==
-----END CERTIFICATE REQUEST-----
";

/// Its key was made with `openssl genrsa -3 2048`.
const EXPONENT_3: &str = "\
-----BEGIN CERTIFICATE REQUEST-----
MIICUDCCATgCAQAwDTELMAkGA1UEAwwCZTMwggEgMA0GCSqGSIb3DQEBAQUAA4IB
DQAwggEIAoIBAQChtK3sYD0ptdbJZQI052Qmr9LOvOvG2p+CSZrwvzhdDEw4jPfN
/afKheivypDKXgE79b16A6N2iaRJkjbM9w+EWP9ko7gAW5VouTOsHl8k7RqHSP3P
qxldie2YfZ4XauW/o1fq51dy6ELVqFwc0j1bFuUPTIPNRVstqBFmV9XGx68xBSA1
P6QsLJtXgZq6kiu2AlZaaIMsBC2ShMM3vCXa4+ND7FDZ4+u5Z3nF4AuwQSGkX1A4
lFC9w3kvqv449HoKitnLCwxAvrGgiirFYt6eipMosUQrL7A7+C1MFxH3rRL7H86w
tvLOzYYcx4g2eQQ0ybdTnlGQ0WJY8F8p9ccjAgEDoAAwDQYJKoZIhvcNAQELBQAD
ggEBAC1W42JVme+YHY0zYu5x+IAT+fhc7HEqFfMk9MspA1nzkADWMHyx5HR+Q1R+
fhBtguyUjrIB09XaQVtnvT34eLnK9lJF8pfVP39de53xeY/zAp5NzoTqjjC6fCv3
LI7E1TUsw+4tBYC73Dved/xgEC8ONOXvRHs30N5us97kxKj0es/yyOTsOXjuiZQk
xiH/qfSrCS7gLep17l4XuxLb3H1myEGlvBxmU8mxn9iGHe4FeK3499fK1WEP4RyR
YBCyLJfWkcp78L0pG6tsSWz2LXtC0o2YrwS0eKDHXK3j/2gz/0DpRraR9pdOVQMq
G0xYpkcwifDsP5TQ5MyVOIuqXFM=
-----END CERTIFICATE REQUEST-----
";
