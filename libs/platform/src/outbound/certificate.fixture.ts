/** A certificate for `localhost` that signs itself, made for the tests of the outbound client only and trusted by nobody. */
export const certificate = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg5BlQ+uKCaVoLdUq6
PLvx1Qg73k0r4MZeDlmQS3EKA4qhRANCAASKHQNK5LobcXraZn8AWr5hyoaxjcel
ZF7oLZxbBrUBGQXE4acxd86ZCTHb+yBJSI6SuuvxpweHgDyqsPST5VdX
-----END PRIVATE KEY-----
`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUIqoIWcuqycdRLposPwGPzyLx9zUwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjA0MTA0NVoYDzIxMjYxMDI5
MDQxMDQ1WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASKHQNK5LobcXraZn8AWr5hyoaxjcelZF7oLZxbBrUBGQXE4acxd86Z
CTHb+yBJSI6SuuvxpweHgDyqsPST5VdXo28wbTAdBgNVHQ4EFgQUbtyYSOU5NT1n
d2njtniIm7ww8zswHwYDVR0jBBgwFoAUbtyYSOU5NT1nd2njtniIm7ww8zswDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSQAwRgIhAI1mFgtVDEku20clDdDqtsE13+EkmdCLbu7Qx6eFceJZAiEA
o5FKl/Mjq2skJZwImFqXezy42qfyi6h3mE5xz02ckwk=
-----END CERTIFICATE-----
`,
};
