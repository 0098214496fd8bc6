package permission

// What is said of the evidence. CodeTwo publishes no list, so nothing here is stronger than an inference.
const (
	inferredEWS   = "inferred: the only application permission that opens mailboxes over EWS, CodeTwo's transport"
	unprovedRead  = "unproved: at least one Microsoft Graph role is needed to read the tenant; CodeTwo does not say which"
	unprovedWrite = "unproved: expected where CodeTwo is to create mailboxes and assign licences"
	notNeeded     = "none: not known to be needed by CodeTwo"
)

// catalogue holds the permissions whose IDs are known (Microsoft Graph permissions reference; Exchange Online's app
// roles). IMAP.AccessAsApp is left out on purpose: Exchange offers it under two IDs, so only the tenant can decide.
var catalogue = []Permission{
	{Exchange, "full_access_as_app", "dc890d15-9560-4a4c-9b7f-a736ec74ec40",
		"Reads and writes every mailbox of the tenant over EWS, which is how CodeTwo " +
			"migrates into them.", Critical, inferredEWS},
	{Exchange, "Exchange.ManageAsApp", "dc50a0fb-09a3-484d-be87-e023b12c6440",
		"Runs Exchange administration cmdlets as the app, together with a directory role.", Critical, notNeeded},

	{Graph, "Directory.Read.All", "7ab1d382-f21e-4acd-a863-ba3e13f7da61",
		"Reads the tenant's name, domains and users, which CodeTwo matches source mailboxes to.", High, unprovedRead},
	{Graph, "Directory.ReadWrite.All", "19dbc75e-c2e2-444c-a770-ec69d8559fc7",
		"Changes users, groups and licences, so that CodeTwo can create the mailboxes that " +
			"are missing.", Critical, unprovedWrite},
	{Graph, "Organization.Read.All", "498476ce-e0fe-48b0-b801-37ba7e2685c6",
		"Reads the tenant's name, address and subscriptions.", Low, notNeeded},
	{Graph, "Domain.Read.All", "dbb9058a-0e50-45d7-ae91-66909b5d4664",
		"Reads the tenant's domains.", Low, notNeeded},
	{Graph, "User.Read.All", "df021288-bdef-4463-88db-98f22de89214",
		"Reads every user's full profile.", High, notNeeded},
	{Graph, "User.ReadBasic.All", "97235f07-e226-4f63-ace3-39588e11d3a1",
		"Reads every user's name and address.", Low, notNeeded},
	{Graph, "User.ReadWrite.All", "741f803b-c850-494e-b5df-cde7c675a1ca",
		"Creates, changes and deletes users.", Critical, notNeeded},
	{Graph, "LicenseAssignment.Read.All", "e2f98668-2877-4f38-a2f4-8202e0717aa1",
		"Reads who holds which licence.", Low, notNeeded},
	{Graph, "LicenseAssignment.ReadWrite.All", "5facf0c1-8979-4e95-abcf-ff3d079771c0",
		"Assigns and removes licences.", Critical, notNeeded},
	{Graph, "Group.Read.All", "5b567255-7703-4780-807c-7be8301ae99b",
		"Reads every group with its members, conversations and files.", Medium, notNeeded},
	{Graph, "Group.ReadWrite.All", "62a82d76-70ea-41e2-9197-370581804d09",
		"Creates, changes and deletes groups, their members and content.", High, notNeeded},
	{Graph, "Mail.Read", "810c84a8-4a9e-49e6-bf7d-12d183f40d01",
		"Reads the mail of every mailbox.", High, notNeeded},
	{Graph, "Mail.ReadWrite", "e2a3a72e-5f79-4c64-b1b1-878b674786c9",
		"Reads, changes and deletes the mail of every mailbox.", Critical, notNeeded},
	{Graph, "Calendars.ReadWrite", "ef54d2bf-783f-4e0f-bca1-3210c0444d99",
		"Reads and changes every calendar.", High, notNeeded},
	{Graph, "Contacts.ReadWrite", "6918b873-d17a-4dc1-b314-35f528134491",
		"Reads and changes the contacts of every mailbox.", High, notNeeded},
	{Graph, "Tasks.ReadWrite.All", "44e666d1-d276-445b-a5fc-8815eeb81d55",
		"Reads and changes every user's tasks.", High, notNeeded},
	{Graph, "MailboxSettings.Read", "40f97065-369a-49f4-947c-6a255697ae91",
		"Reads the settings of every mailbox.", Medium, notNeeded},
	{Graph, "MailboxSettings.ReadWrite", "6931bccd-447a-43d1-b442-00a195474933",
		"Changes the settings of every mailbox, such as its time zone and automatic replies.", High, notNeeded},
	{Graph, "MailboxItem.ImportExport.All", "76577085-e73d-4f1d-b26a-85fb33892327",
		"Exports and imports the items of every mailbox, Graph's successor to EWS for that.", Critical, notNeeded},
	{Graph, "MailboxFolder.ReadWrite.All", "fef87b92-8391-4589-9da7-eb93dab7dc8a",
		"Creates, changes and deletes the folders of every mailbox.", High, notNeeded},
}
