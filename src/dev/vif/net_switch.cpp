// SPDX-License-Identifier: Apache-2.0
// Learning and forwarding.
#include <xenpp/dev/vif/net_switch.hpp>

#include <algorithm>
#include <cstring>

namespace xenpp::dev {

std::unique_ptr<net_switch::port> net_switch::plug(frame_sink& to) {
    auto p = std::make_unique<port>(*this, to);
    ports_.push_back(p.get());
    return p;
}

net_switch::port::~port() {
    switch_.unplug(*this);
}

void net_switch::unplug(port& p) noexcept {
    std::erase(ports_, &p);
    std::erase_if(addresses_, [&p](auto const& a) { return a.second == &p; });
}

void net_switch::forward(port& from, frame const& f) {
    if (f.bytes.size() < ethernet_header_size) {
        return;
    }
    mac_address destination;
    mac_address source;
    std::memcpy(destination.bytes.data(), f.bytes.data(), destination.bytes.size());
    std::memcpy(source.bytes.data(), f.bytes.data() + destination.bytes.size(),
                source.bytes.size());
    if (source.is_multicast()) {
        return; // nobody sends from there
    }
    learn(from, source);
    auto const known = destination.is_multicast() ? addresses_.end() : addresses_.find(destination);
    if (known != addresses_.end()) {
        if (known->second != &from) {
            give(*known->second, f);
        }
        return;
    }
    for (auto* const p : ports_) {
        if (p != &from) {
            give(*p, f);
        }
    }
}

void net_switch::learn(port& from, mac_address const& source) {
    auto const known = addresses_.find(source);
    if (known != addresses_.end() && known->second == &from) {
        return;
    }
    if (from.addresses_ == most_addresses_of_port) {
        return; // frames to it go everywhere
    }
    ++from.addresses_;
    if (known != addresses_.end()) {
        --known->second->addresses_;
        known->second = &from;
    } else {
        addresses_.emplace(source, &from);
    }
}

void net_switch::give(port& to, frame const& f) {
    to.is_touched_ = true;
    to.to_.take(f);
}

void net_switch::flush() {
    for (auto* const p : ports_) {
        if (p->is_touched_) {
            p->is_touched_ = false;
            p->to_.flush();
        }
    }
}

} // namespace xenpp::dev
