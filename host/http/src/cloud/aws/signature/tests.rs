//! The first three requests are of AWS' published test suite; all signatures were computed by
//! botocore 1.44 as well.

use super::*;

#[test]
fn requests_are_signed_as_aws_signs_them() {
    let (us, eu) = (("us-east-1", "service"), ("eu-west-1", "aps"));
    let form = Some("application/x-www-form-urlencoded");
    let protobuf = Some("application/x-protobuf");
    let token = "AQoDYXdzEPT//////////wEXAMPLE";
    let cases = [
        (
            us,
            Method::GET,
            "https://example.amazonaws.com/",
            None,
            "",
            "",
            "host;x-amz-date",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            us,
            Method::POST,
            "https://example.amazonaws.com/",
            form,
            "Param1=value1",
            "",
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
        (
            us,
            Method::GET,
            "https://example.amazonaws.com/?Param2=value2&Param1=value1",
            None,
            "",
            "",
            "host;x-amz-date",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            us,
            Method::GET,
            "https://example.amazonaws.com/%E1%88%B4?a=b%20c&a=%2B&b",
            None,
            "",
            "",
            "host;x-amz-date",
            "13c003bdebd24fcf09ad3396ce160c5197d1b37f3ef1bff9d52d633dbf2766bc",
        ),
        (
            us,
            Method::GET,
            "https://example.amazonaws.com//example%20space//x/",
            None,
            "",
            "",
            "host;x-amz-date",
            "89b19b8ce1821d8475f03f21579003b8a356ecf8bdf351c601cd58ce6ac81a96",
        ),
        (
            eu,
            Method::POST,
            "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write",
            protobuf,
            "\x00\x01",
            "",
            "content-type;host;x-amz-date",
            "5c96d73e72b654d8407a40b63cfe23d21339b0ca5b56a84525e2eaa2b09b9ca3",
        ),
        (
            eu,
            Method::POST,
            "http://127.0.0.1:8429/api/v1/write",
            Some("application/x-protobuf;proto=io.prometheus.write.v2.Request"),
            "\x00\x01",
            token,
            "content-type;host;x-amz-date;x-amz-security-token",
            "9e74563488304c577c0cd75201d34f2e1a84357498cf80273b4b3d88f21f0524",
        ),
    ];
    for ((region, service), method, url, content_type, body, token, names, signature) in cases {
        let keys = Keys {
            access_key: "AKIDEXAMPLE".to_owned(),
            secret_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session_token: Secret::new(token),
        };
        let to_sign = ToSign {
            method: &method,
            url: &Url::parse(url).unwrap(),
            content_type,
            body: body.as_bytes(),
        };
        let scope = Scope { region, service };
        let value = authorization(&keys, scope, "20150830T123600Z", &to_sign);
        let expected = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/{region}/{service}/aws4_request, \
             SignedHeaders={names}, Signature={signature}"
        );
        assert_eq!(value, expected, "{method} {url}");
    }
}
