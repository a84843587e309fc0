// SPDX-License-Identifier: Apache-2.0
// Error codes with Xen's own errno numbers, so that the ABI mapping is one cast.
#pragma once

#include <cstdint>
#include <string_view>

namespace xenpp {

/// A hypervisor error. The values are those of Xen's public errno.h; `to_abi` negates them.
// clang-format off
enum class errc : std::uint8_t {
    ok          = 0,
    perm        = 1,
    noent       = 2,
    srch        = 3,
    intr        = 4,
    io          = 5,
    nxio        = 6,
    toobig      = 7,
    noexec      = 8,
    badf        = 9,
    child       = 10,
    again       = 11,
    nomem       = 12,
    acces       = 13,
    fault       = 14,
    busy        = 16,
    exist       = 17,
    xdev        = 18,
    nodev       = 19,
    notdir      = 20,
    isdir       = 21,
    inval       = 22,
    nfile       = 23,
    mfile       = 24,
    nospc       = 28,
    rofs        = 30,
    mlink       = 31,
    dom         = 33,
    range       = 34,
    deadlk      = 35,
    nametoolong = 36,
    nolck       = 37,
    nosys       = 38,
    notempty    = 39,
    nodata      = 61,
    time        = 62,
    badmsg      = 74,
    overflow    = 75,
    ilseq       = 84,
    restart     = 85,
    notsock     = 88,
    msgsize     = 90,
    opnotsupp   = 95,
    addrinuse   = 98,
    addrnotavail= 99,
    nobufs      = 105,
    isconn      = 106,
    notconn     = 107,
    timedout    = 110,
    connrefused = 111,
};

// clang-format on

/// The value a hypercall returns for `e`: 0 or a negative errno.
constexpr long to_abi(errc e) noexcept {
    return -static_cast<long>(e);
}

/// The name as Xen writes it, without the leading E ("INVAL"); empty for a value that is none.
constexpr std::string_view name(errc e) noexcept {
    switch (e) {
    case errc::ok: return "OK";
    case errc::perm: return "PERM";
    case errc::noent: return "NOENT";
    case errc::srch: return "SRCH";
    case errc::intr: return "INTR";
    case errc::io: return "IO";
    case errc::nxio: return "NXIO";
    case errc::toobig: return "2BIG";
    case errc::noexec: return "NOEXEC";
    case errc::badf: return "BADF";
    case errc::child: return "CHILD";
    case errc::again: return "AGAIN";
    case errc::nomem: return "NOMEM";
    case errc::acces: return "ACCES";
    case errc::fault: return "FAULT";
    case errc::busy: return "BUSY";
    case errc::exist: return "EXIST";
    case errc::xdev: return "XDEV";
    case errc::nodev: return "NODEV";
    case errc::notdir: return "NOTDIR";
    case errc::isdir: return "ISDIR";
    case errc::inval: return "INVAL";
    case errc::nfile: return "NFILE";
    case errc::mfile: return "MFILE";
    case errc::nospc: return "NOSPC";
    case errc::rofs: return "ROFS";
    case errc::mlink: return "MLINK";
    case errc::dom: return "DOM";
    case errc::range: return "RANGE";
    case errc::deadlk: return "DEADLK";
    case errc::nametoolong: return "NAMETOOLONG";
    case errc::nolck: return "NOLCK";
    case errc::nosys: return "NOSYS";
    case errc::notempty: return "NOTEMPTY";
    case errc::nodata: return "NODATA";
    case errc::time: return "TIME";
    case errc::badmsg: return "BADMSG";
    case errc::overflow: return "OVERFLOW";
    case errc::ilseq: return "ILSEQ";
    case errc::restart: return "RESTART";
    case errc::notsock: return "NOTSOCK";
    case errc::msgsize: return "MSGSIZE";
    case errc::opnotsupp: return "OPNOTSUPP";
    case errc::addrinuse: return "ADDRINUSE";
    case errc::addrnotavail: return "ADDRNOTAVAIL";
    case errc::nobufs: return "NOBUFS";
    case errc::isconn: return "ISCONN";
    case errc::notconn: return "NOTCONN";
    case errc::timedout: return "TIMEDOUT";
    case errc::connrefused: return "CONNREFUSED";
    }
    return {};
}

} // namespace xenpp
