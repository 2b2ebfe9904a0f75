/* SPDX-License-Identifier: BSD-2-Clause */
#include "esp_packet.h"

size_t esp_seal(const struct aead *a, const struct esp_sa *sa, uint64_t seq, uint8_t next_header, uint8_t *out,
		uint8_t *payload, size_t len)
{
	struct aead_call call;
	const size_t size = esp_seal_begin(sa, seq, next_header, out, payload, len, &call);

	a->seal_all(&call, 1);
	return size;
}

bool esp_open(const struct aead *a, const struct esp_sa *sa, uint8_t *esp, size_t len, uint64_t seq,
	      struct esp_opened *out, enum reason *why)
{
	struct aead_call call;

	*why = REASON_MALFORMED;
	if (!esp_length_is_right(len))
		return false;
	esp_open_begin(sa, esp, len, seq, &call);
	a->open_all(&call, 1);
	return esp_open_end(sa, &call, seq, out, why);
}
