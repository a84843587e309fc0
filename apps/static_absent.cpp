// SPDX-License-Identifier: Apache-2.0
// What the static tools have in place of libnbd and libslirp, of which Debian has no static
// libraries (libnbd's TLS library is the one that lacks). Of each only the function that makes a
// handle is ever called: who gets none reports the error and stops.
extern "C" {

void* slirp_new();

void* slirp_new() {
    return nullptr;
}

void* nbd_create();
char const* nbd_get_error();
int nbd_get_errno();

void* nbd_create() {
    return nullptr;
}

char const* nbd_get_error() {
    return "a statically linked xenpp has no NBD; use a raw image, or the ordinary tools";
}

int nbd_get_errno() {
    return 0;
}

#define ABSENT(name)                                                                               \
    int name();                                                                                    \
    int name() {                                                                                   \
        return -1;                                                                                 \
    }

ABSENT(nbd_aio_connect_socket)
ABSENT(nbd_aio_connect_uri)
ABSENT(nbd_aio_disconnect)
ABSENT(nbd_aio_flush)
ABSENT(nbd_aio_get_direction)
ABSENT(nbd_aio_get_fd)
ABSENT(nbd_aio_is_closed)
ABSENT(nbd_aio_is_connecting)
ABSENT(nbd_aio_is_dead)
ABSENT(nbd_aio_is_ready)
ABSENT(nbd_aio_notify_read)
ABSENT(nbd_aio_notify_write)
ABSENT(nbd_aio_pread)
ABSENT(nbd_aio_pwrite)
ABSENT(nbd_aio_trim)
ABSENT(nbd_can_flush)
ABSENT(nbd_can_trim)
ABSENT(nbd_close)
ABSENT(nbd_get_block_size)
ABSENT(nbd_get_size)
ABSENT(nbd_is_read_only)
ABSENT(nbd_poll)
ABSENT(slirp_add_hostfwd)
ABSENT(slirp_cleanup)
ABSENT(slirp_input)
ABSENT(slirp_pollfds_fill)
ABSENT(slirp_pollfds_poll)

} // extern "C"
