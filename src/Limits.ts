/**
 * The numbers of the protocol: windows in milliseconds, sizes in bytes, and counts, each with its page of the WeCom
 * documentation. When WeCom changes a number, only this file changes.
 *
 * @since 0.1.0
 */

/**
 * How long a welcome is accepted after its `enter_chat` event. Milliseconds; WeCom doc 101463.
 *
 * @since 0.1.0
 * @category windows
 */
export const welcomeWindowMillis = 5_000

/**
 * How long a card update is accepted after its `template_card_event`. Milliseconds; WeCom doc 101463.
 *
 * @since 0.1.0
 * @category windows
 */
export const cardUpdateWindowMillis = 5_000

/**
 * How long replies are accepted after a message callback. Milliseconds (24 h); WeCom doc 101463.
 *
 * @since 0.1.0
 * @category windows
 */
export const replyWindowMillis = 24 * 60 * 60 * 1000

/**
 * How long a stream accepts frames, counted from its first frame and not extended by others. After that, frames are
 * refused with 846608. Milliseconds (10 min, 6 min until mid 2026); WeCom doc 101463.
 *
 * @since 0.1.0
 * @category windows
 */
export const streamWindowMillis = 10 * 60 * 1000

/**
 * How long the `response_url` of a callback is valid, for one use. Milliseconds (1 h); WeCom doc 101138.
 *
 * @since 0.1.0
 * @category windows
 */
export const responseUrlWindowMillis = 60 * 60 * 1000

/**
 * How long the download URL of an incoming image, file or video is valid. Milliseconds (5 min); WeCom doc 100719.
 *
 * @since 0.1.0
 * @category windows
 */
export const downloadUrlMillis = 5 * 60 * 1000

/**
 * How long an upload session is valid after its init. It survives a reconnect of the same bot. Milliseconds (30 min);
 * WeCom doc 101463.
 *
 * @since 0.1.0
 * @category windows
 */
export const uploadSessionMillis = 30 * 60 * 1000

/**
 * How long a `media_id` can be sent after its upload. Milliseconds (3 days); WeCom doc 101463.
 *
 * @since 0.1.0
 * @category windows
 */
export const mediaIdMillis = 3 * 24 * 60 * 60 * 1000

/**
 * The interval at which the service expects a `ping`. Milliseconds; WeCom doc 101463.
 *
 * @since 0.1.0
 * @category windows
 */
export const heartbeatMillis = 30_000

/**
 * Messages that one conversation accepts per minute, replies and pushes together. WeCom doc 101463.
 *
 * @since 0.1.0
 * @category quotas
 */
export const messagesPerMinute = 30

/**
 * Messages that one conversation accepts per hour, replies and pushes together. WeCom doc 101463.
 *
 * @since 0.1.0
 * @category quotas
 */
export const messagesPerHour = 1000

/**
 * Uploads that one bot may start per minute. WeCom doc 101463.
 *
 * @since 0.1.0
 * @category quotas
 */
export const uploadsPerMinute = 30

/**
 * Uploads that one bot may start per hour. WeCom doc 101463.
 *
 * @since 0.1.0
 * @category quotas
 */
export const uploadsPerHour = 1000

/**
 * The maximum `content` of a stream frame or a markdown message: bytes of UTF-8. Larger content is refused (45002).
 * WeCom doc 101031.
 *
 * @since 0.1.0
 * @category messages
 */
export const contentBytes = 20_480

/**
 * The maximum `content` of a welcome text: bytes of UTF-8. The documentation (WeCom doc 101031) names no limit; this
 * is the one for markdown.
 *
 * @since 0.1.0
 * @category messages
 */
export const welcomeTextBytes = contentBytes

/**
 * The maximum `id` of a stream: bytes of UTF-8. The documentation (WeCom doc 101031) names no limit; this is the one
 * for a feedback id.
 *
 * @since 0.1.0
 * @category messages
 */
export const streamIdBytes = 256

/**
 * The maximum feedback `id`: bytes of UTF-8, at least one. WeCom doc 101031.
 *
 * @since 0.1.0
 * @category messages
 */
export const feedbackIdBytes = 256

/**
 * The maximum number of images in the `msg_item` list of a final stream frame. WeCom doc 101031.
 *
 * @since 0.1.0
 * @category messages
 */
export const msgItems = 10

/**
 * The maximum image of `msg_item`: bytes before base64 (10 MB, JPG or PNG). WeCom doc 101031.
 *
 * @since 0.1.0
 * @category messages
 */
export const msgItemImageBytes = 10 * 1024 * 1024

/**
 * The maximum `title` of a video message: bytes of UTF-8. WeCom doc 101463.
 *
 * @since 0.1.0
 * @category messages
 */
export const videoTitleBytes = 64

/**
 * The maximum `description` of a video message: bytes of UTF-8. WeCom doc 101463.
 *
 * @since 0.1.0
 * @category messages
 */
export const videoDescriptionBytes = 512

/**
 * The maximum number of rows of `horizontal_content_list`. WeCom doc 101032.
 *
 * @since 0.1.0
 * @category template cards
 */
export const cardHorizontalContents = 6

/**
 * The maximum number of rows of `vertical_content_list`. WeCom doc 101032.
 *
 * @since 0.1.0
 * @category template cards
 */
export const cardVerticalContents = 4

/**
 * The maximum number of entries of `jump_list`. WeCom doc 101032.
 *
 * @since 0.1.0
 * @category template cards
 */
export const cardJumps = 3

/**
 * The maximum number of buttons of `button_list`, at least one; otherwise 40016. WeCom doc 101032.
 *
 * @since 0.1.0
 * @category template cards
 */
export const cardButtons = 6

/**
 * The maximum number of entries of `action_menu.action_list`, at least one. WeCom doc 101032.
 *
 * @since 0.1.0
 * @category template cards
 */
export const cardActions = 3

/**
 * The maximum number of selectors of `select_list`, at least one. WeCom doc 101032.
 *
 * @since 0.1.0
 * @category template cards
 */
export const cardSelects = 3

/**
 * The maximum number of options of one selector, at least one. WeCom doc 101032.
 *
 * @since 0.1.0
 * @category template cards
 */
export const cardSelectOptions = 10

/**
 * The maximum number of options of a `checkbox`, at least one. WeCom doc 101032.
 *
 * @since 0.1.0
 * @category template cards
 */
export const cardCheckboxOptions = 20

/**
 * The maximum `key` or `question_key`: bytes of UTF-8, at least one. WeCom doc 101032.
 *
 * @since 0.1.0
 * @category template cards
 */
export const cardKeyBytes = 1024

/**
 * The maximum `id` of an option: bytes of UTF-8, at least one. WeCom doc 101032.
 *
 * @since 0.1.0
 * @category template cards
 */
export const cardOptionIdBytes = 128

/**
 * A `task_id`: at least one and at most this many of `0-9 A-Z a-z _ @ -`. WeCom doc 101032.
 *
 * @since 0.1.0
 * @category template cards
 */
export const cardTaskIdBytes = 128

/**
 * The maximum `question` of a jump of type 3: bytes of UTF-8. WeCom doc 101032.
 *
 * @since 0.1.0
 * @category template cards
 */
export const cardQuestionBytes = 200

/**
 * The minimum of `card_image.aspect_ratio` (width by height), which is also its default. WeCom doc 101032.
 *
 * @since 0.1.0
 * @category template cards
 */
export const cardAspectRatioMin = 1.3

/**
 * The maximum of `card_image.aspect_ratio` (width by height). WeCom doc 101032.
 *
 * @since 0.1.0
 * @category template cards
 */
export const cardAspectRatioMax = 2.25

/**
 * The size of a chunk of an upload: bytes before base64. WeCom doc 101463.
 *
 * @since 0.1.0
 * @category media
 */
export const uploadChunkBytes = 512 * 1024

/**
 * The maximum number of chunks of one upload, at least one. WeCom doc 101463.
 *
 * @since 0.1.0
 * @category media
 */
export const uploadChunks = 100

/**
 * The minimum size of an upload: bytes. WeCom doc 101463.
 *
 * @since 0.1.0
 * @category media
 */
export const uploadMinBytes = 5

/**
 * The maximum `filename` of an upload: bytes of UTF-8. WeCom doc 101463.
 *
 * @since 0.1.0
 * @category media
 */
export const uploadFilenameBytes = 256

/**
 * The maximum image to upload (png, jpg, gif): bytes. An older page said 2 MB. WeCom doc 101463.
 *
 * @since 0.1.0
 * @category media
 */
export const imageBytes = 10 * 1024 * 1024

/**
 * The maximum voice clip to upload (amr): bytes. WeCom doc 101463.
 *
 * @since 0.1.0
 * @category media
 */
export const voiceBytes = 2 * 1024 * 1024

/**
 * The maximum video to upload (mp4): bytes. WeCom doc 101463.
 *
 * @since 0.1.0
 * @category media
 */
export const videoBytes = 10 * 1024 * 1024

/**
 * The maximum file to upload: bytes. WeCom doc 101463.
 *
 * @since 0.1.0
 * @category media
 */
export const fileBytes = 20 * 1024 * 1024

/**
 * The maximum file or video that a user can send to a bot: bytes. WeCom doc 100719.
 *
 * @since 0.1.0
 * @category media
 */
export const downloadBytes = 100 * 1024 * 1024

/**
 * The maximum upload of each media type: bytes. WeCom doc 101463.
 *
 * @since 0.1.0
 * @category media
 */
export const mediaBytes = {
  file: fileBytes,
  image: imageBytes,
  voice: voiceBytes,
  video: videoBytes
} as const
