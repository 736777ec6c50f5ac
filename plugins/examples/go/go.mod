module memcached

go 1.24

require narthexsdk v0.0.0

replace narthexsdk => ./narthex-sdk
