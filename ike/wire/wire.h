/* SPDX-License-Identifier: BSD-2-Clause */
/* The numbers of IKEv2 as they are on the wire: RFC 7296 and what IANA has registered since. */
#ifndef IKE_WIRE_WIRE_H
#define IKE_WIRE_WIRE_H

#define IKE_PORT     500
#define IKE_PORT_NAT 4500
/* RFC 3948 section 2.2: in front of IKE on port 4500, where an SPI would be. */
#define NON_ESP_MARKER_SIZE 4

#define IKE_VERSION	    0x20
#define IKE_HEADER_SIZE	    28
#define IKE_SPI_SIZE	    8
#define PAYLOAD_HEADER_SIZE 4
/* RFC 7296 section 3.8: the method, and three reserved bytes. */
#define AUTH_HEADER_SIZE 4
/* RFC 7383 section 2.5: fragment number and total, in front of what SK has. */
#define SKF_HEADER_SIZE 4

enum exchange_type {
	EXCHANGE_IKE_SA_INIT = 34,
	EXCHANGE_IKE_AUTH = 35,
	EXCHANGE_CREATE_CHILD_SA = 36,
	EXCHANGE_INFORMATIONAL = 37,
};

enum ike_flag {
	FLAG_INITIATOR = 0x08,
	FLAG_VERSION = 0x10,
	FLAG_RESPONSE = 0x20,
};

enum payload_type {
	PAYLOAD_NONE = 0,
	PAYLOAD_SA = 33,
	PAYLOAD_KE = 34,
	PAYLOAD_IDI = 35,
	PAYLOAD_IDR = 36,
	PAYLOAD_CERT = 37,
	PAYLOAD_CERTREQ = 38,
	PAYLOAD_AUTH = 39,
	PAYLOAD_NONCE = 40,
	PAYLOAD_NOTIFY = 41,
	PAYLOAD_DELETE = 42,
	PAYLOAD_VENDOR = 43,
	PAYLOAD_TSI = 44,
	PAYLOAD_TSR = 45,
	PAYLOAD_SK = 46,
	PAYLOAD_CP = 47,
	PAYLOAD_EAP = 48,
	PAYLOAD_SKF = 53,
};

enum protocol_id {
	PROTOCOL_NONE = 0,
	PROTOCOL_IKE = 1,
	PROTOCOL_AH = 2,
	PROTOCOL_ESP = 3,
};

enum transform_type {
	TRANSFORM_ENCR = 1,
	TRANSFORM_PRF = 2,
	TRANSFORM_INTEG = 3,
	TRANSFORM_DH = 4,
	TRANSFORM_ESN = 5,
	TRANSFORM_ADDKE_1 = 6, /* Additional Key Exchange 1 to 7: RFC 9370 */
	TRANSFORM_ADDKE_7 = 12,
};

enum {
	ENCR_AES_GCM_16 = 20,
	KEY_LENGTH_ATTRIBUTE = 14, /* the only attribute; with the AF bit, so 2 + 2 bytes */
	KEY_LENGTH_BITS = 256,
	PRF_HMAC_SHA2_256 = 5,
	PRF_HMAC_SHA2_384 = 6,
	PRF_HMAC_SHA2_512 = 7,
	INTEG_NONE = 0,
	DH_NONE = 0,
	DH_ECP_384 = 20,
	ADDKE_NONE = 0,
	ESN_NO = 0,
	ESN_YES = 1,
};

enum id_type {
	ID_IPV4_ADDR = 1,
	ID_FQDN = 2,
	ID_RFC822_ADDR = 3,
	ID_DER_ASN1_DN = 9,
	ID_KEY_ID = 11,
};

enum cert_encoding {
	CERT_X509_SIGNATURE = 4,
};

enum auth_method {
	AUTH_RSA_SHA1 = 1,
	AUTH_PSK = 2,
	AUTH_ECDSA_SHA256_P256 = 9,
	AUTH_ECDSA_SHA384_P384 = 10,
	AUTH_SIGNATURE = 14, /* RFC 7427 */
};

/* RFC 8784 section 5.1: in PPK_IDENTITY, in front of the identity. */
enum ppk_id_type {
	PPK_ID_FIXED = 2,
};

/* RFC 7427 section 4: SIGNATURE_HASH_ALGORITHMS */
enum hash_algorithm {
	HASH_SHA1 = 1,
	HASH_SHA2_256 = 2,
	HASH_SHA2_384 = 3,
	HASH_SHA2_512 = 4,
};

enum ts_type {
	TS_IPV4_ADDR_RANGE = 7,
};

enum notify_type {
	/* errors */
	UNSUPPORTED_CRITICAL_PAYLOAD = 1,
	INVALID_IKE_SPI = 4,
	INVALID_MAJOR_VERSION = 5,
	INVALID_SYNTAX = 7,
	INVALID_MESSAGE_ID = 9,
	INVALID_SPI = 11,
	NO_PROPOSAL_CHOSEN = 14,
	INVALID_KE_PAYLOAD = 17,
	AUTHENTICATION_FAILED = 24,
	SINGLE_PAIR_REQUIRED = 34,
	NO_ADDITIONAL_SAS = 35,
	INTERNAL_ADDRESS_FAILURE = 36,
	FAILED_CP_REQUIRED = 37,
	TS_UNACCEPTABLE = 38,
	INVALID_SELECTORS = 39,
	TEMPORARY_FAILURE = 43,
	CHILD_SA_NOT_FOUND = 44,
	TS_MAX_QUEUE = 48, /* RFC 9611 */
	NOTIFY_ERROR_MAX = 16383,
	NOT_AS_ASKED = 0xffff,	/* ours, on no wire: the answer is none to what was asked, */
	NOT_AN_ANSWER = 0xfffe, /* and, since anybody may have sent it, as if it had not come */
	/* status */
	INITIAL_CONTACT = 16384,
	SET_WINDOW_SIZE = 16385,
	ADDITIONAL_TS_POSSIBLE = 16386,
	NAT_DETECTION_SOURCE_IP = 16388,
	NAT_DETECTION_DESTINATION_IP = 16389,
	COOKIE = 16390,
	USE_TRANSPORT_MODE = 16391,
	REKEY_SA = 16393,
	ESP_TFC_PADDING_NOT_SUPPORTED = 16394,
	CHILDLESS_IKEV2_SUPPORTED = 16418,
	IKEV2_FRAGMENTATION_SUPPORTED = 16430,
	SIGNATURE_HASH_ALGORITHMS = 16431,
	USE_PPK = 16435,
	PPK_IDENTITY = 16436,
	NO_PPK_AUTH = 16437,
	SA_RESOURCE_INFO = 16444, /* RFC 9611 */
};

/* RFC 7296 section 3.9: 16 ... 256, at least half the PRF's key. Ours is 32. */
#define NONCE_MIN  16
#define NONCE_MAX  256
#define NONCE_SIZE 32
#define COOKIE_MAX 64

#endif
