// SPDX-License-Identifier: Apache-2.0
// A ring's requests go through in batches, so that what is copied for them costs one hypercall.
#include <dev/vbd/queue.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace xenpp::dev {

namespace {

using transport::grant_copy;

std::int16_t status_of(int error) noexcept {
    return error == 0            ? abi::blkif_rsp_okay
           : error == EOPNOTSUPP ? abi::blkif_rsp_eopnotsupp
                                 : abi::blkif_rsp_error;
}

/// Pieces of `buffer` for each segment, one after the other.
void add_pieces(std::vector<grant_copy>& out,
                std::span<vbd_segment const> segments,
                std::span<std::byte> buffer,
                bool to_grant) {
    for (auto const& s : segments) {
        out.push_back({.ref = s.page,
                       .offset = s.offset,
                       .local = buffer.first(s.length),
                       .to_grant = to_grant});
        buffer = buffer.subspan(s.length);
    }
}

bool are_done(std::span<grant_copy const> pieces) noexcept {
    return std::ranges::all_of(pieces, &grant_copy::is_done);
}

image_operation to_image(vbd_operation o) noexcept {
    switch (o) {
    case vbd_operation::read: return image_operation::read;
    case vbd_operation::write: return image_operation::write;
    case vbd_operation::flush: return image_operation::flush;
    case vbd_operation::discard: return image_operation::discard;
    }
    return image_operation::flush;
}

bool is_transfer(vbd_request const& r) noexcept {
    return r.what == vbd_operation::read || r.what == vbd_operation::write;
}

} // namespace

vbd_queue::vbd_queue(vbd_shared& shared,
                     std::uint32_t number,
                     std::span<std::byte> pages,
                     bool is_resumed)
    : shared_(shared)
    , number_(number)
    , ring_(pages.data(),
            pages.size(),
            shared.inflight.taken(number),
            is_resumed ? ring_type::answered_in(pages.data()) : 0) {
    jobs_.resize(ring_.size());
}

bool vbd_queue::resume() {
    auto const again = shared_.inflight.recover(number_, ring_.answered());
    if (!again) {
        is_broken_ = true;
        return false;
    }
    for (auto const slot : *again) {
        ++busy_;
        decode(slot);
    }
    submit_batch();
    return true;
}

bool vbd_queue::run() {
    has_more_ = false;
    if (take_batch()) {
        submit_batch();
    }
    return !is_broken_;
}

/// Takes at most a ring's worth: then others have their turn.
bool vbd_queue::take_batch() {
    for (std::uint32_t taken = 0; !is_broken_;) {
        auto n = ring_.waiting();
        if (n && *n == 0) {
            n = ring_.wait_for_more();
        }
        if (!n) {
            is_broken_ = true;
            break;
        }
        if (*n == 0) {
            break;
        }
        if (*n == ring_.size()) {
            ++shared_.inflight.statistics().out_of_requests;
        }
        if (taken == ring_.size() || !has_memory()) {
            has_more_ = true;
            break;
        }
        abi::blkif_request raw;
        ring_.take(raw);
        auto const slot = shared_.inflight.note(number_, raw);
        ++busy_;
        ++taken;
        decode(slot);
    }
    return !batch_.empty();
}

void vbd_queue::decode(std::uint32_t slot) {
    auto& j = jobs_[slot];
    auto const& raw = shared_.inflight.request(number_, slot);
    j.status = abi::blkif_rsp_okay;
    j.segments.clear();
    j.parts.clear();
    auto const r = decode_request(raw, shared_.limits);
    if (!r) {
        finish(slot, r.error());
        return;
    }
    j.request = *r;
    j.is_flushing = r->has_flush;
    if (is_transfer(*r)) {
        auto const in_place = r->indirect_page_count == 0 ? r->segment_count : 0;
        j.raw_segments.assign(raw.seg, raw.seg + in_place);
        j.raw_segments.resize(r->segment_count);
        // Until its segments are known, what it may come to.
        j.buffered = std::size_t{r->segment_count} * page_size;
        shared_.buffered += j.buffered;
    }
    batch_.push_back(slot);
}

void vbd_queue::copy(std::vector<grant_copy>& pieces) {
    if (!pieces.empty() && !shared_.pages.copy(pieces)) {
        is_door_broken_ = true; // pieces say that nothing was done
    }
}

/// The segments of indirect requests, from kept pages or by one copy for all.
void vbd_queue::fetch_segments() {
    std::vector<grant_ref> wanted;
    for (auto const slot : batch_) {
        auto const& r = jobs_[slot].request;
        wanted.insert(wanted.end(), r.indirect_pages.begin(),
                      r.indirect_pages.begin() + r.indirect_page_count);
    }
    if (wanted.empty()) {
        return;
    }
    shared_.pages.keep(wanted);
    std::vector<grant_copy> pieces;
    std::vector<std::uint32_t> whose;
    for (auto const slot : batch_) {
        auto& j = jobs_[slot];
        auto rest = std::as_writable_bytes(std::span(j.raw_segments));
        for (std::uint32_t i = 0; i != j.request.indirect_page_count; ++i) {
            auto const part = rest.first(std::min(rest.size(), page_size));
            rest = rest.subspan(part.size());
            auto const page = j.request.indirect_pages[i];
            if (auto const* const kept = shared_.pages.find(page)) {
                ring::copy_once(part.data(), kept, part.size());
            } else {
                pieces.push_back({.ref = page, .local = part});
                whose.push_back(slot);
            }
        }
    }
    copy(pieces);
    for (std::size_t i = 0; i != pieces.size(); ++i) {
        if (!pieces[i].is_done) {
            jobs_[whose[i]].status = abi::blkif_rsp_error;
        }
    }
}

/// Kept pages where all of a request's are; else memory of ours.
void vbd_queue::find_memory() {
    std::vector<grant_ref> wanted;
    for (auto const slot : batch_) {
        auto& j = jobs_[slot];
        if (!is_transfer(j.request) || j.status != abi::blkif_rsp_okay) {
            continue;
        }
        auto const good = decode_segments(j.raw_segments, shared_.limits, j.request, j.segments);
        if (!good) {
            j.status = good.error();
            continue;
        }
        for (auto const& s : j.segments) {
            wanted.push_back(s.page);
        }
    }
    shared_.pages.keep(wanted);
    for (auto const slot : batch_) {
        auto& j = jobs_[slot];
        if (j.status == abi::blkif_rsp_okay && is_transfer(j.request)) {
            bool is_kept = true;
            use_kept(j, is_kept);
            if (!is_kept) {
                use_buffer(j);
            } else {
                shared_.buffered -= std::exchange(j.buffered, 0);
            }
        }
    }
}

/// Neighbours in memory become one part.
void vbd_queue::use_kept(job& j, bool& is_kept) const {
    for (auto const& s : j.segments) {
        auto* const page = shared_.pages.find(s.page);
        if (page == nullptr) {
            is_kept = false;
            j.parts.clear();
            return;
        }
        auto* const at = page + s.offset;
        if (!j.parts.empty() &&
            static_cast<std::byte*>(j.parts.back().iov_base) + j.parts.back().iov_len == at) {
            j.parts.back().iov_len += s.length;
        } else {
            j.parts.push_back({at, s.length});
        }
    }
}

void vbd_queue::use_buffer(job& j) {
    j.buffer.resize(j.request.length);
    j.parts.push_back({j.buffer.data(), j.buffer.size()});
}

/// Copies what lies in memory of ours and not in kept pages: from the guest for writes, to it for
/// reads. What cannot be copied has failed.
void vbd_queue::copy_data(std::span<std::uint32_t const> slots, vbd_operation what) {
    std::vector<grant_copy> pieces;
    std::vector<std::pair<std::uint32_t, std::size_t>> ends;
    for (auto const slot : slots) {
        auto& j = jobs_[slot];
        if (j.status == abi::blkif_rsp_okay && j.request.what == what && !j.buffer.empty()) {
            add_pieces(pieces, j.segments, j.buffer, what == vbd_operation::read);
            ends.emplace_back(slot, pieces.size());
        }
    }
    copy(pieces);
    std::size_t begin = 0;
    for (auto const& [slot, end] : ends) {
        if (!are_done(std::span(pieces).subspan(begin, end - begin))) {
            jobs_[slot].status = abi::blkif_rsp_error;
        }
        begin = end;
    }
}

void vbd_queue::submit_batch() {
    fetch_segments();
    find_memory();
    copy_data(batch_, vbd_operation::write);
    for (auto const slot : std::exchange(batch_, {})) {
        if (jobs_[slot].status != abi::blkif_rsp_okay) {
            finish(slot, jobs_[slot].status);
        } else {
            submit(slot);
        }
    }
}

void vbd_queue::submit(std::uint32_t slot) {
    auto const& j = jobs_[slot];
    image_io io;
    io.tag = tag(slot);
    if (j.is_flushing) {
        io.what = image_operation::flush;
    } else {
        io.what = to_image(j.request.what);
        io.offset = j.request.offset;
        io.length = j.request.length;
        io.parts = j.parts;
    }
    shared_.image.submit(io);
}

void vbd_queue::done(std::uint32_t slot, int error) {
    auto& j = jobs_[slot];
    if (error == 0 && j.is_flushing) {
        j.is_flushing = false;
        submit(slot);
        return;
    }
    finish(slot, status_of(error));
}

void vbd_queue::finish(std::uint32_t slot, std::int16_t status) {
    jobs_[slot].status = status;
    finished_.push_back(slot);
}

void vbd_queue::count(job const& j) noexcept {
    auto& s = shared_.inflight.statistics();
    auto const sectors = j.request.length / vbd_sector_size;
    if (j.status != abi::blkif_rsp_okay) {
        ++s.errors;
        return;
    }
    switch (j.request.what) {
    case vbd_operation::read:
        ++s.reads;
        s.read_sectors += sectors;
        break;
    case vbd_operation::write:
        ++s.writes;
        s.written_sectors += sectors;
        break;
    case vbd_operation::flush: ++s.flushes; break;
    case vbd_operation::discard: ++s.discards; break;
    }
}

result<bool> vbd_queue::answer() {
    if (finished_.empty()) {
        return false;
    }
    copy_data(finished_, vbd_operation::read);
    for (auto const slot : finished_) {
        auto& j = jobs_[slot];
        count(j);
        shared_.inflight.answered(number_, slot, ring_.answered());
        ring_.put(make_response(shared_.inflight.request(number_, slot), j.status));
        shared_.buffered -= std::exchange(j.buffered, 0);
        j.buffer.clear();
        if (j.buffer.capacity() > std::size_t{64} << 10) {
            j.buffer.shrink_to_fit();
        }
    }
    bool const is_to_be_told = ring_.push();
    shared_.inflight.shown(number_, finished_);
    busy_ -= static_cast<std::uint32_t>(finished_.size());
    finished_.clear();
    if (is_door_broken_) {
        return fail("disk", EIO, "the machine cannot be reached");
    }
    return is_to_be_told;
}

} // namespace xenpp::dev
