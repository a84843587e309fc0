// SPDX-License-Identifier: Apache-2.0
// A byte queue that does not repeat events to a slow reader.
#include <xenpp/store/output_queue.hpp>

namespace xenpp::store {

void output_queue::push(std::string_view bytes) {
    if (begin_ > bytes_.size() / 2) {
        bytes_.erase(0, begin_);
        begin_ = 0;
    }
    bytes_ += bytes;
}

bool output_queue::holds_event(std::string_view bytes) const {
    auto const at = late_events_.find(bytes);
    return at != late_events_.end() && at->second >= sent_;
}

void output_queue::push_event(std::string_view bytes) {
    if (size() > coalesce_above) {
        late_events_.insert_or_assign(std::string(bytes), sent_ + size());
    }
    push(bytes);
}

void output_queue::pop(std::size_t n) {
    begin_ += n;
    sent_ += n;
    if (size() <= coalesce_above) {
        late_events_.clear();
    }
    if (size() == 0) {
        bytes_.clear();
        begin_ = 0;
    }
}

} // namespace xenpp::store
