// SPDX-License-Identifier: Apache-2.0
// A client of a store server in the same process, for tests: asks, and collects events.
#pragma once

#include <xenpp/store/server.hpp>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace xenpp::fakes {

/// Strings as the protocol joins them, each with its NUL.
inline std::string joined(std::initializer_list<std::string_view> words) {
    std::string out;
    for (auto w : words) {
        out.append(w).append(1, '\0');
    }
    return out;
}

/// One connection. `ask` returns the payload, or "!ENOENT" for an error.
class store_peer {
public:
    store_peer(store::server& s, store::connection_id id) : server_(s), id_(id) {}

    store_peer(store::server& s, domid self, bool is_privileged = false)
        : store_peer(s, s.connect(self, is_privileged)) {}

    std::string ask(store::op type, std::string payload, std::uint32_t tx = 0) {
        server_.handle(id_, store::message{type, ++last_, tx, std::move(payload)});
        std::string answer = "!no answer";
        for (auto& m : drain()) {
            if (m.type == store::op::watch_event) {
                auto const words = *store::split_strings(m.payload);
                events_.push_back(std::string(words[0]) + " " + std::string(words[1]));
            } else if (m.req_id == last_) {
                answer = m.type == store::op::error
                             ? "!" + m.payload.substr(0, m.payload.size() - 1)
                             : m.payload;
            }
        }
        return answer;
    }

    std::string read(std::string_view path, std::uint32_t tx = 0) {
        return ask(store::op::read, joined({path}), tx);
    }

    std::string write(std::string_view path, std::string_view value, std::uint32_t tx = 0) {
        return ok(ask(store::op::write, joined({path}).append(value), tx));
    }

    std::string mkdir(std::string_view path, std::uint32_t tx = 0) {
        return ok(ask(store::op::mkdir, joined({path}), tx));
    }

    std::string rm(std::string_view path, std::uint32_t tx = 0) {
        return ok(ask(store::op::rm, joined({path}), tx));
    }

    /// Names with commas between.
    std::string list(std::string_view path, std::uint32_t tx = 0) {
        return commas(ask(store::op::directory, joined({path}), tx));
    }

    std::string perms(std::string_view path, std::uint32_t tx = 0) {
        return commas(ask(store::op::get_perms, joined({path}), tx));
    }

    std::string chmod(std::initializer_list<std::string_view> words, std::uint32_t tx = 0) {
        return ok(ask(store::op::set_perms, joined(words), tx));
    }

    std::string watch(std::string_view path, std::string_view token) {
        return ok(ask(store::op::watch, joined({path, token})));
    }

    std::string unwatch(std::string_view path, std::string_view token) {
        return ok(ask(store::op::unwatch, joined({path, token})));
    }

    std::uint32_t begin() {
        return static_cast<std::uint32_t>(
            std::stoul(ask(store::op::transaction_start, joined({""}))));
    }

    std::string end(std::uint32_t tx, bool is_commit = true) {
        return ok(ask(store::op::transaction_end, joined({is_commit ? "T" : "F"}), tx));
    }

    /// The events that came in since the last call, as "path token", with commas between.
    std::string events() {
        for (auto& m : drain()) {
            auto const words = *store::split_strings(m.payload);
            events_.push_back(std::string(words[0]) + " " + std::string(words[1]));
        }
        std::string out;
        for (auto const& e : events_) {
            out += (out.empty() ? "" : ",") + e;
        }
        events_.clear();
        return out;
    }

    store::connection_id id() const { return id_; }

private:
    static std::string ok(std::string answer) { return answer == joined({"OK"}) ? "OK" : answer; }

    static std::string commas(std::string answer) {
        if (!answer.empty() && answer.back() == '\0') {
            answer.pop_back();
        }
        for (auto& c : answer) {
            c = c == '\0' ? ',' : c;
        }
        return answer;
    }

    std::vector<store::message> drain() {
        store::assembler in;
        auto const bytes = server_.output(id_);
        in.feed(bytes);
        server_.consume_output(id_, bytes.size());
        std::vector<store::message> out;
        while (auto m = *in.next()) {
            out.push_back(std::move(*m));
        }
        return out;
    }

    store::server& server_;
    store::connection_id id_;
    std::uint32_t last_ = 0;
    std::vector<std::string> events_;
};

} // namespace xenpp::fakes
