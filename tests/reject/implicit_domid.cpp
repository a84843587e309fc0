// SPDX-License-Identifier: Apache-2.0
// A number becomes a domain's identity only by name.
// expect: conversion from .int. to|no viable conversion from .int.
#include <xenpp/base/strong.hpp>

using namespace xenpp;

domid taken(domid d) {
    return d;
}

#ifndef REJECT
domid good() {
    return domid{1};
}
#else
domid bad() {
    domid d = 1;
    return taken(d);
}
#endif
